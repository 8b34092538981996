using System.Buffers;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Relay.Protocol;

/// <summary>
/// <c>standard_signature</c>: Standard Webhooks <c>v1</c>, which is <c>v1,</c> and base64 of HMAC-SHA256, keyed with the signing
/// secret, over <c>{id}.{timestamp in s}.{raw body}</c>. Several, separated by a space, while a secret is being rotated.
/// </summary>
public static class StandardSignature
{
    /// <summary>Characters of one signature: <c>v1,</c> and 44 base64 digits.</summary>
    public const int Length = 47;

    private const int MaxIdBytes = 256;

    /// <summary>Ten signatures and the spaces between them.</summary>
    private const int MaxHeaderLength = (10 * (Length + 1)) - 1;

    /// <summary>Signs <paramref name="body"/>; the id takes at most 256 bytes.</summary>
    public static string Sign(SigningSecret secret, string id, long timestampSeconds, ReadOnlySpan<byte> body)
    {
        ArgumentNullException.ThrowIfNull(id);
        Span<byte> signature = stackalloc byte[Length];
        Write(secret, Encoding.UTF8.GetBytes(id), timestampSeconds, body, signature);
        return Encoding.ASCII.GetString(signature);
    }

    /// <summary>Signs <paramref name="body"/> into the first <see cref="Length"/> bytes of <paramref name="signature"/>, as ASCII.</summary>
    public static void Write(SigningSecret secret, ReadOnlySpan<byte> id, long timestampSeconds, ReadOnlySpan<byte> body, Span<byte> signature)
    {
        ArgumentNullException.ThrowIfNull(secret);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(id.Length, MaxIdBytes);
        Span<byte> prefix = stackalloc byte[id.Length + 24];
        id.CopyTo(prefix);
        prefix[id.Length] = (byte)'.';
        _ = Utf8Formatter.TryFormat(timestampSeconds, prefix[(id.Length + 1)..], out var digits);
        prefix[id.Length + 1 + digits] = (byte)'.';

        Span<byte> mac = stackalloc byte[HMACSHA256.HashSizeInBytes];
        PrefixedHmac.Compute(secret, secret.Key, prefix[..(id.Length + digits + 2)], body, mac);
        "v1,"u8.CopyTo(signature);
        _ = Base64.EncodeToUtf8(mac, signature[3..], out _, out _);
    }

    /// <summary>Checks, in constant time, that one of the space-separated <paramref name="signatures"/> is the secret's and the timestamp is fresh.</summary>
    public static bool Verify(SigningSecret secret, string? signatures, string id, long timestampSeconds, ReadOnlySpan<byte> body, DateTimeOffset now)
    {
        var age = now.ToUnixTimeSeconds() - (Int128)timestampSeconds;
        return age <= (Int128)RelaySignature.MaxAge.TotalSeconds && -age <= (Int128)RelaySignature.MaxAhead.TotalSeconds
            && Matches(secret, signatures, id, timestampSeconds, body);
    }

    /// <summary>Whether one of the signatures is right, however old.</summary>
    internal static bool Matches(SigningSecret secret, string? signatures, string id, long timestampSeconds, ReadOnlySpan<byte> body)
    {
        Span<byte> idUtf8 = stackalloc byte[MaxIdBytes];
        if (signatures is null || signatures.Length > MaxHeaderLength || !Encoding.UTF8.TryGetBytes(id, idUtf8, out var idBytes))
        {
            return false;
        }

        Span<byte> expected = stackalloc byte[Length];
        Write(secret, idUtf8[..idBytes], timestampSeconds, body, expected);
        Span<byte> given = stackalloc byte[Length];
        var found = false;
        foreach (var range in signatures.AsSpan().Split(' '))
        {
            var one = signatures.AsSpan(range);
            found |= one.Length == Length
                && Ascii.FromUtf16(one, given, out _) == OperationStatus.Done
                && CryptographicOperations.FixedTimeEquals(expected, given);
        }

        return found;
    }
}
