using System.Security.Cryptography;

namespace Relay.Server.Delivery;

/// <summary>Makes event ids that sort in the order in which they were made, also when the clock steps back. Any thread.</summary>
internal sealed class EventIdSource(TimeProvider time)
{
    /// <summary>Asking for random bytes costs the same for many as for few.</summary>
    private const int RandomBytes = 512;

    [ThreadStatic]
    private static byte[]? _random;

    /// <summary>How many of them are not used yet.</summary>
    [ThreadStatic]
    private static int _left;

    private long _last;

    /// <summary>Sorts before every id made at that time or later.</summary>
    public static EventId FirstAt(DateTimeOffset time) => new(new UInt128((ulong)time.ToUnixTimeMilliseconds() << 16, 0));

    /// <summary>When the id was made.</summary>
    public static DateTimeOffset TimeOf(EventId id) => DateTimeOffset.FromUnixTimeMilliseconds(id.UnixTimeMilliseconds);

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

        return new EventId(new UInt128((ulong)next, NextRandom()));
    }

    private static ulong NextRandom()
    {
        var random = _random ??= new byte[RandomBytes];
        if (_left == 0)
        {
            RandomNumberGenerator.Fill(random);
            _left = RandomBytes;
        }

        _left -= sizeof(ulong);
        return BitConverter.ToUInt64(random, _left);
    }
}
