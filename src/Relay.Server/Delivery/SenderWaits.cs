using System.Collections.Concurrent;

namespace Relay.Server.Delivery;

/// <summary>
/// The senders that wait on this node for their event to be acknowledged, on whichever node that happens: the store tells of it. Any thread.
/// A wait costs one entry, from <see cref="Begin"/> to its disposal.
/// </summary>
internal sealed class SenderWaits(TimeProvider time)
{
    private readonly ConcurrentDictionary<EventId, SenderWait> _waits = new();

    /// <summary>Begins before the event is accepted, so that no ack is missed.</summary>
    public SenderWait Begin(EventId id, TimeSpan duration)
    {
        var wait = new SenderWait(id, time.GetUtcNow() + duration, () => _waits.TryRemove(id, out _));
        _waits[id] = wait;
        return wait;
    }

    /// <summary>Whether the event's sender waits here.</summary>
    public bool Has(EventId id) => _waits.ContainsKey(id);

    /// <summary>The event is delivered, and that is stored.</summary>
    /// <param name="id">Of its own agent: the store has seen to that.</param>
    /// <param name="reply">What the agent answers; null when it only acknowledged.</param>
    public void Acknowledged(EventId id, AgentReply? reply)
    {
        if (_waits.TryGetValue(id, out var wait))
        {
            wait.Acknowledge(reply);
        }
    }

    /// <summary>What this node has settled, and that is stored.</summary>
    public void Settled(IReadOnlyList<Settlement> settlements, IReadOnlyList<SettleResult> results)
    {
        for (var i = 0; i < results.Count; i++)
        {
            if (settlements[i].AnswersSender && results[i] != SettleResult.Unknown)
            {
                Acknowledged(settlements[i].Id, settlements[i].Reply);
            }
        }
    }
}

/// <summary>One sender's wait. Dispose it when the sender is answered or has hung up.</summary>
internal sealed class SenderWait(EventId id, DateTimeOffset until, Action end) : IDisposable
{
    private readonly TaskCompletionSource<AgentReply?> _acknowledged = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>For which event.</summary>
    public EventId Id => id;

    public DateTimeOffset Until => until;

    /// <summary>What the agent answered, once that was waited for; null when it only acknowledged.</summary>
    public AgentReply? Reply { get; private set; }

    /// <summary>The first counts.</summary>
    public void Acknowledge(AgentReply? reply) => _acknowledged.TrySetResult(reply);

    /// <returns>Whether the event was acknowledged in time.</returns>
    public async Task<bool> WaitAsync(TimeProvider time, CancellationToken cancellationToken)
    {
        var left = until - time.GetUtcNow();
        try
        {
            Reply = await _acknowledged.Task.WaitAsync(left > TimeSpan.Zero ? left : TimeSpan.Zero, time, cancellationToken);
            return true;
        }
        catch (Exception exception) when (exception is TimeoutException or OperationCanceledException)
        {
            return false;
        }
    }

    public void Dispose() => end();
}
