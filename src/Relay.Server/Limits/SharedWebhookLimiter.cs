using System.Collections.Concurrent;
using Relay.Protocol;

namespace Relay.Server.Limits;

/// <summary>
/// For several nodes: permits are taken from the store some at a time, the next ones before the last is used, so that a busy agent's
/// webhooks seldom wait for them. Any thread.
/// </summary>
internal sealed class SharedWebhookLimiter(ISharedPermits permits, TimeProvider time) : IWebhookLimiter
{
    /// <summary>After so many new agents, those that hold nothing any more are forgotten.</summary>
    private const int NewBetweenSweeps = 10_000;

    private readonly ConcurrentDictionary<RelayId, HeldPermits> _held = new();
    private int _new;

    public ValueTask<Permit> TakeAsync(RelayId agent, int perMinute)
    {
        var held = Find(agent, perMinute);
        return held.Take() is { } permit ? new ValueTask<Permit>(permit) : new ValueTask<Permit>(held.TakeWhenFilledAsync());
    }

    private HeldPermits Find(RelayId agent, int perMinute)
    {
        if (_held.TryGetValue(agent, out var held) && held.PerMinute == perMinute)
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

        return _held[agent] = new HeldPermits(permits, time, agent, perMinute);
    }
}
