using System.Security.Cryptography;
using System.Text;

namespace Relay.Protocol.Tests.Signing;

/// <summary>A thread signs for many agents in turns, and keeps the state of some of their keys.</summary>
public sealed class ManyKeysTests
{
    private const long Timestamp = 1_800_000_000_000;

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(40)]
    public void Each_signature_is_its_own_keys(int agents)
    {
        var keys = Enumerable.Range(0, agents).Select(static _ => (Api: ApiKey.New(), Secret: SigningSecret.New())).ToArray();
        for (var i = 0; i < 500; i++)
        {
            var (api, secret) = keys[Random.Shared.Next(agents)];
            var body = RandomNumberGenerator.GetBytes(i % 300);

            Assert.Equal("sha256=" + Convert.ToHexStringLower(Mac(api.Utf8, $"{Timestamp}.", body)), RelaySignature.Sign(api, Timestamp, body));
            Assert.Equal("v1," + Convert.ToBase64String(Mac(secret.Key, $"evt_1.{Timestamp / 1000}.", body)), StandardSignature.Sign(secret, "evt_1", Timestamp / 1000, body));
        }
    }

    private static byte[] Mac(ReadOnlySpan<byte> key, string prefix, byte[] body) => HMACSHA256.HashData(key, [.. Encoding.ASCII.GetBytes(prefix), .. body]);
}
