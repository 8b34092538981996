using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace Relay.Protocol.Tests.Identities;

public partial class ApiKeyTests
{
    [Theory]
    [InlineData("sk_TEST-ONLY-0123456789")]
    [InlineData("sk_!~0123456789ABCDEFGHI")]
    public void Visible_ascii_after_the_prefix_is_a_key(string text)
    {
        Assert.True(ApiKey.TryParse(text, out var key));
        Assert.Equal(text, key.Reveal());
        Assert.Equal(Encoding.ASCII.GetBytes(text), key.Utf8.ToArray());
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("sk_")]
    [InlineData("sk_TEST-ONLY-012345")]
    [InlineData("SK_TEST-ONLY-0123456789")]
    [InlineData("pk_TEST-ONLY-0123456789")]
    [InlineData(" sk_TEST-ONLY-0123456789")]
    [InlineData("sk_TEST-ONLY-0123456789 ")]
    [InlineData("sk_TEST-ONLY-0123456789\r\n")]
    [InlineData("sk_TEST-ONLY-01234567é")]
    [InlineData("sk_TEST-ONLY-01234567\u007f")]
    [InlineData("sk_TEST-ONLY-01234567\0")]
    public void Anything_else_is_not(string? text)
    {
        Assert.False(ApiKey.TryParse(text, out var key));
        Assert.Null(key);
    }

    [Fact]
    public void A_key_has_at_most_256_characters()
    {
        Assert.True(ApiKey.TryParse("sk_" + new string('k', 253), out _));
        Assert.False(ApiKey.TryParse("sk_" + new string('k', 254), out _));
    }

    [Fact]
    public void New_keys_have_the_documented_form_and_differ()
    {
        var keys = Enumerable.Range(0, 100).Select(_ => ApiKey.New().Reveal()).ToHashSet();

        Assert.Equal(100, keys.Count);
        Assert.All(keys, key => Assert.Matches(Form(), key));
        Assert.All(keys, key => Assert.True(ApiKey.TryParse(key, out _)));
    }

    [Fact]
    public void The_hash_is_sha256_of_the_text()
    {
        Assert.True(ApiKey.TryParse("sk_TEST-ONLY-0123456789", out var key));

        // printf %s sk_TEST-ONLY-0123456789 | sha256sum
        Assert.Equal("efbee0659b20a17e23aab4df1ce52e6e1d5117b281a8c8c48e590703740677c6", Convert.ToHexStringLower(key.Hash()));
        Assert.Equal(SHA256.HashData("sk_TEST-ONLY-0123456789"u8), key.Hash());
    }

    [GeneratedRegex("^sk_[A-Za-z0-9_-]{43}_[0-9a-f]{32}$")]
    private static partial Regex Form();
}
