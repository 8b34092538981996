using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Operations.Statistics;

namespace Relay.Server.Activities;

/// <summary>Tells what becomes of events, whichever way they take: it stands before the store's queue and adds nothing to it. Any thread.</summary>
internal sealed class ObservedDeliveryQueue(IDeliveryQueue queue, ActivityHub hub, Statistics statistics) : IDeliveryQueue
{
    public bool LosesSignals => queue.LosesSignals;

    public async Task<AcceptResult> AcceptAsync(NewEvent accepted, AcceptTerms terms)
    {
        var result = await queue.AcceptAsync(accepted, terms);
        statistics.Add(CountOf(result.Status));
        if (result.Status is AcceptStatus.Ready or AcceptStatus.Leased)
        {
            hub.Publish(new AgentActivity(accepted.Agent, ActivityType.EventQueued, accepted.AcceptedAt) { Event = accepted.Id });
        }

        return result;
    }

    public async Task<IReadOnlyList<SettleResult>> SettleAsync(RelayId agent, IReadOnlyList<Settlement> settlements, DateTimeOffset now)
    {
        var results = await queue.SettleAsync(agent, settlements, now);
        for (var i = 0; i < results.Count; i++)
        {
            if (results[i] == SettleResult.Settled)
            {
                var (settlement, type) = (settlements[i], TypeOf(settlements[i]));
                CountSettled(type, now - EventIdSource.TimeOf(settlement.Id));
                hub.Publish(new AgentActivity(agent, type, now) { Event = settlement.Id, Session = settlement.Session, Reason = settlement.Reason });
            }
        }

        return results;
    }

    public Task<LeaseResult> LeaseAsync(RelayId agent, LeaseRequest request) => queue.LeaseAsync(agent, request);

    public Task<IReadOnlyList<bool>> ExtendAsync(RelayId agent, SessionId session, IReadOnlyList<EventId> ids, DateTimeOffset until) =>
        queue.ExtendAsync(agent, session, ids, until);

    public async Task<ExpireResult> ExpireAsync(RelayId agent, EventId before, DateTimeOffset now, int limit)
    {
        var result = await queue.ExpireAsync(agent, before, now, limit);
        foreach (var id in result.Expired)
        {
            statistics.Add(Count.Expired);
            hub.Publish(new AgentActivity(agent, ActivityType.EventExpired, now) { Event = id });
        }

        return result;
    }

    public Task ForgetGapsAsync(RelayId agent, IReadOnlyList<Gap> told) => queue.ForgetGapsAsync(agent, told);

    public Task<ClaimResult> ClaimAsync(RelayId agent, SessionId session, DateTimeOffset now) => queue.ClaimAsync(agent, session, now);

    public Task<StoredEvent?> FindAsync(RelayId agent, EventId id) => queue.FindAsync(agent, id);

    public Task<StoredEvent?> FindAsync(EventId id) => queue.FindAsync(id);

    public Task<EventPage> ListAsync(RelayId agent, EventQuery query) => queue.ListAsync(agent, query);

    public Task<IAsyncDisposable> SubscribeAsync(RelayId agent, Action<QueueSignal> onSignal) => queue.SubscribeAsync(agent, onSignal);

    public Task<int> PruneAsync(DateTimeOffset now) => queue.PruneAsync(now);

    private static Count CountOf(AcceptStatus status) => status switch
    {
        AcceptStatus.Duplicate => Count.Duplicates,
        AcceptStatus.QueueFull => Count.QueueFull,
        _ => Count.Accepted,
    };

    private void CountSettled(ActivityType type, TimeSpan sinceAccepted)
    {
        if (type == ActivityType.EventDelivered)
        {
            statistics.AddDelivered(sinceAccepted);
            return;
        }

        statistics.Add(type switch
        {
            ActivityType.EventDead => Count.Dead,
            ActivityType.EventExpired => Count.Expired,
            ActivityType.EventNacked => Count.Nacked,
            _ => Count.Retried,
        });
    }

    private static ActivityType TypeOf(Settlement settlement) => settlement.Kind switch
    {
        SettlementKind.Ack => ActivityType.EventDelivered,
        SettlementKind.DeadLetter => ActivityType.EventDead,
        SettlementKind.Expire => ActivityType.EventExpired,
        _ when settlement.Outcome == AttemptOutcome.Nacked => ActivityType.EventNacked,
        _ => ActivityType.EventRetrying,
    };
}
