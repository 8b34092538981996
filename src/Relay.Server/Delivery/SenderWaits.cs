using System.Collections.Concurrent;
using Relay.Protocol;

namespace Relay.Server.Delivery;

/// <summary>
/// The senders that wait on this node for their event to be acknowledged. Any thread. A wait costs one entry, from
/// <see cref="Begin"/> to its disposal.
/// </summary>
internal sealed class SenderWaits(TimeProvider time)
{
    private readonly ConcurrentDictionary<EventId, SenderWait> _waits = new();

    /// <summary>Begins before the event is accepted, so that no ack is missed.</summary>
    public SenderWait Begin(RelayId agent, EventId id, TimeSpan duration)
    {
        var wait = new SenderWait(agent, time.GetUtcNow() + duration, () => _waits.TryRemove(id, out _));
        _waits[id] = wait;
        return wait;
    }

    /// <summary>Until when the event's sender waits; null when none does.</summary>
    public DateTimeOffset? ReplyBy(EventId id) => _waits.TryGetValue(id, out var wait) && wait.Until > time.GetUtcNow() ? wait.Until : null;

    /// <summary>The agent's answer, given to the sender when the ack that comes with it is stored. One for another agent's event is ignored.</summary>
    public void Offer(RelayId agent, EventId id, AgentReply reply)
    {
        if (_waits.TryGetValue(id, out var wait) && wait.Agent == agent)
        {
            wait.Reply = reply;
        }
    }

    /// <summary>The event is delivered, and that is stored.</summary>
    public void Acknowledged(EventId id)
    {
        if (_waits.TryGetValue(id, out var wait))
        {
            wait.Acknowledge();
        }
    }
}

/// <summary>One sender's wait. Dispose it when the sender is answered or has hung up.</summary>
internal sealed class SenderWait(RelayId agent, DateTimeOffset until, Action end) : IDisposable
{
    private readonly TaskCompletionSource _acknowledged = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public RelayId Agent => agent;

    public DateTimeOffset Until => until;

    /// <summary>What the agent answers; null when it only acknowledged.</summary>
    public AgentReply? Reply { get; set; }

    public void Acknowledge() => _acknowledged.TrySetResult();

    /// <returns>Whether the event was acknowledged in time.</returns>
    public async Task<bool> WaitAsync(TimeProvider time, CancellationToken cancellationToken)
    {
        var left = until - time.GetUtcNow();
        try
        {
            await _acknowledged.Task.WaitAsync(left > TimeSpan.Zero ? left : TimeSpan.Zero, time, cancellationToken);
            return true;
        }
        catch (Exception exception) when (exception is TimeoutException or OperationCanceledException)
        {
            return false;
        }
    }

    public void Dispose() => end();
}
