using System.Collections.Concurrent;

namespace Relay.Server.Limits;

/// <summary>
/// For several nodes: permits are taken from the store some at a time, the next ones before the last is used, so that who is busy seldom
/// waits for them. Any thread.
/// </summary>
internal sealed class SharedRateLimiter(ISharedPermits permits, TimeProvider time) : IRateLimiter
{
    /// <summary>After so many new keys, those that hold nothing any more are forgotten.</summary>
    private const int NewBetweenSweeps = 10_000;

    private readonly ConcurrentDictionary<LimitKey, HeldPermits> _held = new();
    private int _new;

    /// <summary>Whether it was asked for the key of late.</summary>
    public bool Knows(LimitKey key) => _held.ContainsKey(key);

    public ValueTask<Permit> TakeAsync(LimitKey key, int perMinute)
    {
        var held = Find(key, perMinute);
        return held.Take() is { } permit ? new ValueTask<Permit>(permit) : new ValueTask<Permit>(held.TakeWhenFilledAsync());
    }

    private HeldPermits Find(LimitKey key, int perMinute)
    {
        if (_held.TryGetValue(key, out var held) && held.PerMinute == perMinute)
        {
            return held;
        }

        if (Interlocked.Increment(ref _new) % NewBetweenSweeps == 0)
        {
            foreach (var idle in _held.Where(static item => item.Value.IsIdle))
            {
                _held.TryRemove(idle);
            }
        }

        return _held[key] = new HeldPermits(permits, time, key, perMinute);
    }
}
