using System.Collections.Concurrent;

namespace Relay.Server.Limits;

/// <summary>For one process. Any thread.</summary>
internal sealed class LocalRateLimiter(TimeProvider time) : IRateLimiter
{
    private readonly ConcurrentDictionary<int, RateTable<LimitKey>> _byLimit = new();

    public ValueTask<Permit> TakeAsync(LimitKey key, int perMinute) => new(TableOf(perMinute).Take(key));

    private RateTable<LimitKey> TableOf(int perMinute) =>
        _byLimit.GetOrAdd(perMinute, static (perMinute, time) => new RateTable<LimitKey>(perMinute, time), time);
}
