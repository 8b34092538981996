using System.Security.Cryptography;
using Relay.Server.Agents;

namespace Relay.Server.Tests.Agents;

public sealed class SecretBoxTests
{
    private static readonly byte[] First = [.. Enumerable.Repeat((byte)1, 32)];
    private static readonly byte[] Second = [.. Enumerable.Repeat((byte)2, 32)];

    [Fact]
    public void What_was_sealed_opens()
    {
        var box = new SecretBox([First]);

        Assert.Equal("sk_secret", box.Open(box.Seal("sk_secret", "a"), "a"));
    }

    [Fact]
    public void The_same_secret_is_sealed_differently_each_time()
    {
        var box = new SecretBox([First]);

        Assert.NotEqual(box.Seal("sk_secret", "a"), box.Seal("sk_secret", "a"));
    }

    [Fact]
    public void After_a_rotation_the_old_key_still_opens()
    {
        var old = new SecretBox([First]).Seal("sk_secret", "a");

        var rotated = new SecretBox([Second, First]);

        Assert.Equal("sk_secret", rotated.Open(old, "a"));
        Assert.Equal("sk_secret", new SecretBox([Second]).Open(rotated.Seal("sk_secret", "a"), "a"));
    }

    [Fact]
    public void A_missing_key_is_named()
    {
        var sealedSecret = new SecretBox([First]).Seal("sk_secret", "a");

        var fault = Assert.Throws<CryptographicException>(() => new SecretBox([Second]).Open(sealedSecret, "a"));

        Assert.Contains("Relay:Encryption:Keys", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_secret_moved_to_another_purpose_or_altered_does_not_open()
    {
        var box = new SecretBox([First]);
        var sealedSecret = box.Seal("sk_secret", "a");
        var altered = sealedSecret[..^1] + (sealedSecret[^1] == 'A' ? 'B' : 'A');

        Assert.ThrowsAny<CryptographicException>(() => box.Open(sealedSecret, "b"));
        Assert.ThrowsAny<Exception>(() => box.Open(altered, "a"));
        Assert.ThrowsAny<CryptographicException>(() => box.Open("sk_secret", "a"));
    }
}
