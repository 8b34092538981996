namespace Relay.Protocol.Tests.Identities;

public class SigningSecretTests
{
    [Theory]
    [InlineData(16)]
    [InlineData(24)]
    [InlineData(32)]
    [InlineData(64)]
    public void Sixteen_to_sixty_four_bytes_are_a_secret_with_or_without_prefix(int bytes)
    {
        var key = Enumerable.Range(0, bytes).Select(i => (byte)i).ToArray();
        var text = Convert.ToBase64String(key);

        Assert.True(SigningSecret.TryParse("whsec_" + text, out var prefixed));
        Assert.True(SigningSecret.TryParse(text, out var bare));

        Assert.Equal(key, prefixed.Key.ToArray());
        Assert.Equal(key, bare.Key.ToArray());
        Assert.Equal("whsec_" + text, bare.Reveal());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("whsec_")]
    [InlineData("whsec_AAAA")]
    [InlineData("whsec_AAAAAAAAAAAAAAAAAAAA")]
    [InlineData("whsec_not base64 at all, not at all!")]
    [InlineData("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("WHSEC_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")]
    [InlineData("whsec_________________________________________8=")]
    public void Anything_else_is_not(string? text)
    {
        Assert.False(SigningSecret.TryParse(text, out var secret));
        Assert.Null(secret);
    }

    [Theory]
    [InlineData(65)]
    [InlineData(186)]
    [InlineData(192)]
    [InlineData(100_000)]
    public void A_long_text_is_refused(int bytes)
    {
        var text = Convert.ToBase64String(new byte[bytes]);

        Assert.False(SigningSecret.TryParse(text, out _));
        Assert.False(SigningSecret.TryParse("whsec_" + text, out _));
    }

    [Fact]
    public void New_secrets_have_32_bytes_and_differ()
    {
        var secrets = Enumerable.Range(0, 100).Select(_ => SigningSecret.New().Reveal()).ToHashSet();

        Assert.Equal(100, secrets.Count);
        Assert.All(secrets, text => Assert.True(SigningSecret.TryParse(text, out var secret) && secret.Key.Length == 32));
    }
}
