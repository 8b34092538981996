using System.Buffers;
using System.Security.Cryptography;

namespace Relay.Protocol;

/// <summary>HMAC-SHA256 over two pieces. The one-shot API on a joined pooled copy: cheaper than an incremental hash's native state.</summary>
internal static class PrefixedHmac
{
    public static void Compute(ReadOnlySpan<byte> key, ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> content, Span<byte> mac)
    {
        var joined = ArrayPool<byte>.Shared.Rent(prefix.Length + content.Length);
        try
        {
            prefix.CopyTo(joined);
            content.CopyTo(joined.AsSpan(prefix.Length));
            HMACSHA256.HashData(key, joined.AsSpan(0, prefix.Length + content.Length), mac);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(joined);
        }
    }
}
