using System.Security.Cryptography;
using System.Text;

namespace Relay.Server.Ingest.Sources;

/// <summary>The keys of one source: one, or two while a secret is being rotated.</summary>
internal sealed class SourceKeys(params IEnumerable<string> secrets)
{
    private readonly byte[][] _keys = [.. secrets.Select(Encoding.UTF8.GetBytes)];

    /// <summary>
    /// Whether one of <paramref name="given"/> is one of the keys' HMAC over the three pieces. Every pair is compared, in constant time:
    /// how long it takes tells nothing about which one is how right.
    /// </summary>
    public bool Signed(HashAlgorithmName algorithm, ReadOnlySpan<byte> before, ReadOnlySpan<byte> body, ReadOnlySpan<byte> after, params ReadOnlySpan<byte[]> given)
    {
        Span<byte> mac = stackalloc byte[HMACSHA512.HashSizeInBytes];
        var found = false;
        foreach (var key in _keys)
        {
            using var hmac = IncrementalHash.CreateHMAC(algorithm, key);
            hmac.AppendData(before);
            hmac.AppendData(body);
            hmac.AppendData(after);
            var length = hmac.GetHashAndReset(mac);
            foreach (var signature in given)
            {
                found |= CryptographicOperations.FixedTimeEquals(mac[..length], signature);
            }
        }

        return found;
    }

    /// <summary>Whether one of the keys is this text. Every one is compared, in constant time.</summary>
    public bool Contain(string text)
    {
        var given = Encoding.UTF8.GetBytes(text);
        var found = false;
        foreach (var key in _keys)
        {
            found |= CryptographicOperations.FixedTimeEquals(key, given);
        }

        return found;
    }

    /// <summary>The HMAC over the text's UTF-8, with the last of the keys.</summary>
    public byte[] SignWithLast(HashAlgorithmName algorithm, string text) => CryptographicOperations.HmacData(algorithm, _keys[^1], Encoding.UTF8.GetBytes(text));
}
