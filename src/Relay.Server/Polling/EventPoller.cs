using Relay.Server.Agents;
using Relay.Server.Delivery;
using Relay.Server.HttpFallback;

namespace Relay.Server.Polling;

/// <summary>Leases what is due to an agent that asks by HTTP. The same leases as over the socket, whether or not one is connected. Any thread.</summary>
internal sealed class EventPoller(IDeliveryQueue queue, AgentDirectory agents, RetrySchedule schedule, HttpDeliveries httpDeliveries, TimeProvider time)
{
    private const long MaxBytes = 8 << 20;

    /// <summary>A lost signal costs a waiting poll at most this.</summary>
    private static readonly TimeSpan SweepInterval = TimeSpan.FromSeconds(5);

    private static readonly LeaseResult Nothing = new([], More: false, NextDue: null, Superseded: false);

    /// <summary>Waits for something to be due, up to <paramref name="wait"/>; answers what it leased, nothing when nothing came.</summary>
    public async Task<IReadOnlyList<LeasedEvent>> LeaseAsync(Agent agent, int limit, TimeSpan wait, CancellationToken cancellationToken)
    {
        using var signal = new SemaphoreSlim(0, 1);
        var id = agent.Id;
        await using var subscription = wait > TimeSpan.Zero ? await queue.SubscribeAsync(id, OnSignal) : null;
        var began = time.GetTimestamp();
        while (true)
        {
            var now = time.GetUtcNow();
            var end = now + (wait - time.GetElapsedTime(began));
            var request = new LeaseRequest(SessionId.PollOf(id), agent.Policy.Window(limit), MaxBytes, now, now + agent.Policy.AckTimeout);
            var result = agent.Policy.Paused ? Nothing : await queue.LeaseAsync(id, request);
            var leased = await WithoutGivenUpAsync(agent, result.Events, now);
            if (leased.Count > 0 || now >= end || cancellationToken.IsCancellationRequested)
            {
                return leased;
            }

            if (!result.More)
            {
                await WaitAsync(signal, Earliest(end, result.NextDue ?? end, now + SweepInterval) - now, cancellationToken);
            }

            if ((await agents.FindAsync(id, CancellationToken.None))?.OpenedWith(agent.KeyHash!, time.GetUtcNow()) is not { } current)
            {
                return [];
            }

            agent = current;
        }

        void OnSignal(QueueSignal told)
        {
            if (told.AgentChanged)
            {
                agents.Forget(id);
            }

            Set(signal);
        }
    }

    /// <summary>Acknowledges, as an ack frame does.</summary>
    /// <returns>False when no event of the agent has the id.</returns>
    public async Task<bool> AckAsync(Agent agent, EventId id) => (await AckAsync(agent, [id]))[0] != SettleResult.Unknown;

    public Task<IReadOnlyList<SettleResult>> AckAsync(Agent agent, IEnumerable<EventId> ids) => SettleAsync(
        agent, [.. ids.Select(id => new Settlement(id, SettlementKind.Ack, SessionId.PollOf(agent.Id), AttemptOutcome.Acked))], time.GetUtcNow());

    /// <summary>Gives back an event that a poll leased, as a nack frame does.</summary>
    public async Task<SettleResult> NackAsync(Agent agent, EventId id, string? reason, TimeSpan? retryAfter, bool deadLetter)
    {
        if (await queue.FindAsync(agent.Id, id) is not { } found)
        {
            return SettleResult.Unknown;
        }

        var failures = found.Failures + 1;
        var now = time.GetUtcNow();
        var nacked = new Settlement(id, deadLetter ? SettlementKind.DeadLetter : SettlementKind.Retry, SessionId.PollOf(agent.Id), AttemptOutcome.Nacked)
        {
            Reason = reason,
            Failures = failures,
            LossCounted = found.LossCounted,
        };
        return (await SettleAsync(agent, [schedule.AfterFailure(agent.Policy, nacked, now, retryAfter)], now))[0];
    }

    /// <summary>Gives back an event that a poll leased and nobody looked at: it is due at once and nothing is counted.</summary>
    public async Task<SettleResult> ReleaseAsync(Agent agent, EventId id)
    {
        if (await queue.FindAsync(agent.Id, id) is not { } found)
        {
            return SettleResult.Unknown;
        }

        var now = time.GetUtcNow();
        var released = new Settlement(id, SettlementKind.Retry, SessionId.PollOf(agent.Id), AttemptOutcome.Released)
        {
            DueAt = now,
            Failures = found.Failures,
            LossCounted = found.LossCounted,
        };
        return (await SettleAsync(agent, [released], now))[0];
    }

    /// <summary>The caller has gone before it was answered: it never saw them, so they are due at once and nothing is counted.</summary>
    public Task ReleaseAsync(Agent agent, IReadOnlyList<LeasedEvent> leased)
    {
        var now = time.GetUtcNow();
        return SettleAsync(agent, [.. leased.Select(item => item.End(SettlementKind.Retry, SessionId.PollOf(agent.Id), AttemptOutcome.Released, now))], now);
    }

    /// <summary>What is due now, or free of what it waited for, may be for the agent's endpoint. What was stored is answered, whatever becomes of that.</summary>
    private async Task<IReadOnlyList<SettleResult>> SettleAsync(Agent agent, IReadOnlyList<Settlement> settlements, DateTimeOffset now)
    {
        var results = await queue.SettleAsync(agent.Id, settlements, now);
        if (agent.HttpEndpoint is not null)
        {
            await httpDeliveries.TryWatchAsync(agent.Id);
        }

        return results;
    }

    private async Task<IReadOnlyList<LeasedEvent>> WithoutGivenUpAsync(Agent agent, IReadOnlyList<LeasedEvent> leased, DateTimeOffset now)
    {
        var poll = SessionId.PollOf(agent.Id);
        List<LeasedEvent> kept = [];
        List<Settlement> givenUp = [];
        foreach (var item in leased)
        {
            if (Probe.Is(item))
            {
                // A probe is for a connection; over a poll it has come to its end.
                givenUp.Add(item.End(SettlementKind.Ack, poll, AttemptOutcome.Released, now));
            }
            else if (RetrySchedule.GiveUp(agent.Policy, poll, item, now) is { } end)
            {
                givenUp.Add(end);
            }
            else
            {
                kept.Add(item);
            }
        }

        if (givenUp.Count > 0)
        {
            await SettleAsync(agent, givenUp, now);
        }

        return kept;
    }

    private static void Set(SemaphoreSlim signal)
    {
        try
        {
            signal.Release();
        }
        catch (Exception exception) when (exception is SemaphoreFullException or ObjectDisposedException)
        {
            // Set already, or the poll has been answered.
        }
    }

    private async Task WaitAsync(SemaphoreSlim signal, TimeSpan timeout, CancellationToken cancellationToken)
    {
        using var over = new CancellationTokenSource(timeout > TimeSpan.Zero ? timeout : TimeSpan.Zero, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(over.Token, cancellationToken);
        try
        {
            await signal.WaitAsync(either.Token);
        }
        catch (OperationCanceledException)
        {
            // Time to ask again, or to end.
        }
    }

    private static DateTimeOffset Earliest(params ReadOnlySpan<DateTimeOffset> times)
    {
        var earliest = times[0];
        foreach (var candidate in times)
        {
            earliest = candidate < earliest ? candidate : earliest;
        }

        return earliest;
    }
}
