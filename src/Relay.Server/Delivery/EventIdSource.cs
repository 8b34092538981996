using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Relay.Server.Delivery;

/// <summary>Makes event ids that sort in the order in which they were made, also when the clock steps back. Any thread.</summary>
internal sealed class EventIdSource(TimeProvider time)
{
    private long _last;

    /// <summary>Sorts before every id made at that time or later.</summary>
    public static EventId FirstAt(DateTimeOffset time) => new(new UInt128((ulong)time.ToUnixTimeMilliseconds() << 16, 0));

    /// <summary>When the id was made.</summary>
    public static DateTimeOffset TimeOf(EventId id) =>
        DateTimeOffset.FromUnixTimeMilliseconds((long)(BinaryPrimitives.ReadUInt64BigEndian(id.ToBytes()) >> 16));

    public EventId Next()
    {
        // 48 bits of milliseconds and a 16-bit counter, as one number that only grows.
        var now = time.GetUtcNow().ToUnixTimeMilliseconds() << 16;
        long last, next;
        do
        {
            last = Volatile.Read(ref _last);
            next = Math.Max(now, last + 1);
        }
        while (Interlocked.CompareExchange(ref _last, next, last) != last);

        Span<byte> random = stackalloc byte[sizeof(ulong)];
        RandomNumberGenerator.Fill(random);
        return new EventId(new UInt128((ulong)next, BitConverter.ToUInt64(random)));
    }
}
