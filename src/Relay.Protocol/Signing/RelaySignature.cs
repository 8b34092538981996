using System.Buffers;
using System.Buffers.Text;
using System.Security.Cryptography;

namespace Relay.Protocol;

/// <summary>
/// <c>signature</c>: <c>sha256=</c> and hex of HMAC-SHA256, keyed with the api key, over <c>{timestamp in ms}.{content}</c>. Over the
/// WebSocket the content is the payload's canonical text, or the raw body when that is not JSON; on an HTTP delivery it is the
/// request's whole body.
/// </summary>
public static class RelaySignature
{
    /// <summary>Characters of a signature: <c>sha256=</c> and 64 hex digits.</summary>
    public const int Length = 71;

    /// <summary>How old a timestamp may be.</summary>
    /// <value>5 minutes.</value>
    public static readonly TimeSpan MaxAge = TimeSpan.FromMinutes(5);

    /// <summary>How far ahead of the receiver's clock a timestamp may be.</summary>
    /// <value>1 minute.</value>
    public static readonly TimeSpan MaxAhead = TimeSpan.FromMinutes(1);

    /// <summary>Signs <paramref name="content"/>.</summary>
    public static string Sign(ApiKey apiKey, long timestampMs, ReadOnlySpan<byte> content)
    {
        ArgumentNullException.ThrowIfNull(apiKey);
        Span<byte> signature = stackalloc byte[Length];
        Write(apiKey, timestampMs, content, signature);
        return System.Text.Encoding.ASCII.GetString(signature);
    }

    /// <summary>Signs <paramref name="content"/> into the first <see cref="Length"/> bytes of <paramref name="signature"/>, as ASCII.</summary>
    public static void Write(ApiKey apiKey, long timestampMs, ReadOnlySpan<byte> content, Span<byte> signature)
    {
        ArgumentNullException.ThrowIfNull(apiKey);
        Span<byte> prefix = stackalloc byte[24];
        _ = Utf8Formatter.TryFormat(timestampMs, prefix, out var digits);
        prefix[digits] = (byte)'.';

        Span<byte> mac = stackalloc byte[HMACSHA256.HashSizeInBytes];
        PrefixedHmac.Compute(apiKey, apiKey.Utf8, prefix[..(digits + 1)], content, mac);
        "sha256="u8.CopyTo(signature);
        _ = Convert.TryToHexStringLower(mac, signature[7..], out _);
    }

    /// <summary>
    /// Checks a delivery in constant time: the signature is the api key's over these very bytes, and the timestamp (Unix ms) is at
    /// most <see cref="MaxAge"/> old and <see cref="MaxAhead"/> ahead of <paramref name="now"/>. For an HTTP delivery pass
    /// <c>X-Relay-Signature</c>, <c>X-Relay-Timestamp</c> and the body's bytes as they were received.
    /// </summary>
    public static bool Verify(ApiKey apiKey, string? signature, long timestampMs, ReadOnlySpan<byte> content, DateTimeOffset now)
    {
        var age = now.ToUnixTimeMilliseconds() - (Int128)timestampMs;
        return age <= (Int128)MaxAge.TotalMilliseconds && -age <= (Int128)MaxAhead.TotalMilliseconds
            && Matches(apiKey, signature, timestampMs, content);
    }

    /// <summary>Whether the signature is right, however old.</summary>
    internal static bool Matches(ApiKey apiKey, string? signature, long timestampMs, ReadOnlySpan<byte> content)
    {
        if (signature is not { Length: Length })
        {
            return false;
        }

        Span<byte> given = stackalloc byte[Length];
        if (System.Text.Ascii.FromUtf16(signature, given, out _) != OperationStatus.Done)
        {
            return false;
        }

        Span<byte> expected = stackalloc byte[Length];
        Write(apiKey, timestampMs, content, expected);
        return CryptographicOperations.FixedTimeEquals(expected, given);
    }
}
