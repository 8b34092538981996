using System.Buffers;
using System.Security.Cryptography;

namespace Relay.Protocol;

/// <summary>
/// HMAC-SHA256 over two pieces. A thread keeps the state of keys that it used twice in a row, which takes 1.2 µs for 1 KiB; of others it
/// joins the pieces for the one-shot API: 2.0 µs, and cheaper than a state that is used once.
/// </summary>
internal static class PrefixedHmac
{
    /// <summary>An agent has two keys.</summary>
    private const int Kept = 8;

    [ThreadStatic]
    private static Keyed[]? _recent;

    [ThreadStatic]
    private static uint _next;

    /// <param name="owner">Whose key it is: the same for every call with it.</param>
    /// <param name="key">The key.</param>
    /// <param name="prefix">The first piece.</param>
    /// <param name="content">The second one.</param>
    /// <param name="mac">Gets 32 bytes.</param>
    public static void Compute(object owner, ReadOnlySpan<byte> key, ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> content, Span<byte> mac)
    {
        foreach (ref var keyed in (_recent ??= new Keyed[Kept]).AsSpan())
        {
            if (ReferenceEquals(keyed.Owner, owner))
            {
                Compute(ref keyed, key, prefix, content, mac);
                return;
            }
        }

        ref var oldest = ref _recent[_next++ % Kept];
        oldest.Hmac?.Dispose();
        oldest = new Keyed { Owner = owner };
        ComputeOnce(key, prefix, content, mac);
    }

    private static void Compute(ref Keyed keyed, ReadOnlySpan<byte> key, ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> content, Span<byte> mac)
    {
        try
        {
            var hmac = keyed.Hmac ??= IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, key);
            hmac.AppendData(prefix);
            hmac.AppendData(content);
            hmac.GetHashAndReset(mac);
        }
        catch
        {
            // What it has taken must not go into the next one.
            keyed.Hmac?.Dispose();
            keyed = default;
            throw;
        }
    }

    private static void ComputeOnce(ReadOnlySpan<byte> key, ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> content, Span<byte> mac)
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

    private struct Keyed
    {
        public object? Owner;

        /// <summary>Made when the owner is met again.</summary>
        public IncrementalHash? Hmac;
    }
}
