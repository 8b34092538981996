using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Storage.Embedded.Batches;

namespace Relay.Server.Storage.Embedded;

/// <summary>
/// The queue on SQLite. Every call is work for the one writer, which keeps the order of the calls. Subscribers are told after a yield, because
/// the caller may hold a lock that they want.
/// </summary>
internal sealed class EmbeddedDeliveryQueue(EmbeddedStore store, SenderWaits waits) : IDeliveryQueue
{
    private const int PruneBatch = 100;

    private readonly GroupWriter _writer = store.Writer;
    private readonly Subscriptions _subscriptions = store.Subscriptions;

    public bool LosesSignals => false;

    public Task<AcceptResult> AcceptAsync(NewEvent accepted, AcceptTerms terms) => FinishAsync(accepted.Agent, _writer.RunAsync(
        static (tables, call) => tables.Accept(call.Accepted, call.Terms), (Accepted: accepted, Terms: terms), accepted.SizeBytes));

    public Task<LeaseResult> LeaseAsync(RelayId agent, LeaseRequest request) => _writer.RunAsync(tables => tables.Lease(agent, request));

    public async Task<IReadOnlyList<SettleResult>> SettleAsync(RelayId agent, IReadOnlyList<Settlement> settlements, DateTimeOffset now)
    {
        var (results, released) = await _writer.RunAsync(tables => tables.Settle(agent, settlements, now)).ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        waits.Settled(settlements, results);
        if (released || settlements.Where((one, i) => one.Kind == SettlementKind.Retry && !one.Session.NeedsClaim && results[i] == SettleResult.Settled).Any())
        {
            _subscriptions.Tell(agent, new QueueSignal(ClaimedBy: null));
        }

        return results;
    }

    public Task<IReadOnlyList<bool>> ExtendAsync(RelayId agent, SessionId session, IReadOnlyList<EventId> ids, DateTimeOffset until) =>
        _writer.RunAsync(tables => tables.Extend(agent, session, ids, until));

    public async Task<ClaimResult> ClaimAsync(RelayId agent, SessionId session, DateTimeOffset now)
    {
        var claimed = await _writer.RunAsync(tables => tables.Claim(agent, session, now)).ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        if (session.NeedsClaim) _subscriptions.Tell(agent, new QueueSignal(session));
        return claimed;
    }

    public async Task<ExpireResult> ExpireAsync(RelayId agent, EventId before, DateTimeOffset now, int limit)
    {
        var result = await _writer.RunAsync(tables => tables.Expire(agent, before, now, limit)).ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        if (result.Expired.Count > 0) _subscriptions.Tell(agent, new QueueSignal(ClaimedBy: null));
        return result;
    }

    public Task ForgetGapsAsync(RelayId agent, IReadOnlyList<Gap> told) => _writer.RunAsync(tables =>
    {
        if (tables.Queues.Find(agent) is not { } queue) return false;
        foreach (var gap in told) tables.Gaps.Forget(queue.Number, gap);
        return true;
    });

    public Task<StoredEvent?> FindAsync(RelayId agent, EventId id) => _writer.RunAsync(tables => Find(tables, agent, id));

    public Task<StoredEvent?> FindAsync(EventId id) => _writer.RunAsync(tables =>
    {
        tables.SaveReady(queue: null);
        return (tables.Events.Find(id)?.Queue ?? tables.Batches.Find(id, queue: null)?.Batch.Queue) is { } queue ? Find(tables, tables.Queues.AgentOf(queue), id) : null;
    });

    public Task<EventPage> ListAsync(RelayId agent, EventQuery query) => _writer.RunAsync(tables => tables.List(agent, query));

    public Task<IAsyncDisposable> SubscribeAsync(RelayId agent, Action<QueueSignal> onSignal) =>
        Task.FromResult(_subscriptions.Add(agent, onSignal));

    public async Task<int> PruneAsync(DateTimeOffset now)
    {
        const int UnbatchedAtOnce = 32;
        var pruned = await PruneSettledAsync(now);
        while (await _writer.RunAsync(tables => tables.UnbatchForgettable(now.ToUnixTimeMilliseconds(), UnbatchedAtOnce)) is > 0 and var unbatched)
        {
            pruned += await PruneSettledAsync(now);
            if (unbatched < UnbatchedAtOnce) break;
        }

        while (await _writer.RunAsync(tables => tables.Keys.Prune(now.ToUnixTimeMilliseconds(), PruneBatch)) == PruneBatch)
        {
        }

        return pruned;
    }

    private async Task<AcceptResult> FinishAsync(RelayId agent, Task<AcceptResult> written)
    {
        var result = await written.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        if (result.Status == AcceptStatus.Ready) _subscriptions.Tell(agent, new QueueSignal(ClaimedBy: null));
        return result;
    }

    private async Task<int> PruneSettledAsync(DateTimeOffset now)
    {
        var (pruned, mayBeMore) = (0, true);
        while (mayBeMore)
        {
            (var forgotten, mayBeMore) = await _writer.RunAsync(tables => tables.Prune(now, PruneBatch));
            pruned += forgotten;
        }

        return pruned;
    }

    private static StoredEvent? Find(EmbeddedTables tables, RelayId agent, EventId id)
    {
        if (tables.Queues.Find(agent) is not { } queue) return null;
        tables.SaveReady(queue);
        if (tables.Events.Find(queue.Number, id) is not { } row)
        {
            return tables.Batches.Find(id, queue.Number) is var (batch, number) ? tables.FindBatched(agent, batch, number) : null;
        }

        var (head, body) = tables.Events.Payload(row.Key);
        return new StoredEvent(
            id, agent, row.State, DateTimeOffset.FromUnixTimeMilliseconds(row.AcceptedAt), head, body,
            row.Attempts, row.Failures, row.DueAt, tables.Events.History(row.Key))
        {
            LossCounted = row.LossCounted,
        };
    }
}
