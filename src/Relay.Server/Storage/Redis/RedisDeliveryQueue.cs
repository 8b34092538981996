using Microsoft.Extensions.Options;
using Relay.Protocol;
using Relay.Server.Cluster;
using Relay.Server.Delivery;
using Relay.Server.Storage.Redis.Batches;
using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <summary>Each operation is one script call: one round trip, all or nothing.</summary>
internal sealed class RedisDeliveryQueue(
    RedisLanes lanes, RedisKeys keys, NodeIdentity node, RedisEventSearch search, SenderWaits waits, IOptions<DeliveryOptions> delivery) : IDeliveryQueue
{
    private readonly DeliveryOptions _delivery = delivery.Value;
    private readonly AcceptArguments _accept = new(node);
    private readonly SettleArguments _settle = new(delivery.Value, node, waits);
    private readonly BatchRules _batches = new(delivery.Value);

    public bool LosesSignals => true;

    public Task<AcceptResult> AcceptAsync(NewEvent accepted, AcceptTerms terms)
    {
        if (!BatchRules.Takes(accepted) || terms.Lease is { Session.NeedsClaim: false })
        {
            return AcceptAloneAsync(accepted, terms);
        }

        var call = new EventCall(keys.Agent(accepted.Agent), accepted, _accept.Written(terms), terms.Lease, _batches);
        lanes.For(accepted.Agent).Run(call);
        return call.Task;
    }

    public async Task<LeaseResult> LeaseAsync(RelayId agent, LeaseRequest request)
    {
        var answer = await Run(
            RedisScript.Lease, agent,
            [
                request.Session.Value, RedisArgument.Of(request.MaxEvents), RedisArgument.Of(request.MaxBytes), RedisArgument.Of(request.Now),
                RedisArgument.Of(request.Until), RedisArgument.Of(request.Enough ?? request.MaxEvents), _accept.Said(request.Session, request.Room),
            ]);
        return QueueReplies.Lease(request, answer);
    }

    public async Task<IReadOnlyList<SettleResult>> SettleAsync(RelayId agent, IReadOnlyList<Settlement> settlements, DateTimeOffset now)
    {
        var call = new SettleCall(settlements);
        var results = call.Read((RedisValue[])(await lanes.For(agent).RunAsync(
            RedisScript.Settle, keys.Agent(agent), _settle.Weight(call), _settle.From(call, now)))!);
        waits.Settled(settlements, results);
        return results;
    }

    public async Task<IReadOnlyList<bool>> ExtendAsync(RelayId agent, SessionId session, IReadOnlyList<EventId> ids, DateTimeOffset until)
    {
        var answer = (RedisValue[]?)await Run(RedisScript.Extend, agent, [session.Value, RedisArgument.Of(until), .. ids.Select(RedisArgument.Of)]);
        return Array.ConvertAll(answer!, moved => (bool)moved);
    }

    public async Task<ClaimResult> ClaimAsync(RelayId agent, SessionId session, DateTimeOffset now) =>
        QueueReplies.Claim(await Run(RedisScript.Claim, agent, session.Value, RedisArgument.Of(now)));

    public async Task<ExpireResult> ExpireAsync(RelayId agent, EventId before, DateTimeOffset now, int limit) => QueueReplies.Expire(await Run(
        RedisScript.Expire, agent, RedisArgument.Of(before), RedisArgument.Of(now), limit, RedisArgument.Of(_delivery.DeadLetterRetention)));

    public Task ForgetGapsAsync(RelayId agent, IReadOnlyList<Gap> told) =>
        Run(RedisScript.ForgetGaps, agent, [.. told.SelectMany(gap => (RedisValue[])[Gap.Name(gap.Reason), gap.Count, RedisArgument.Of(gap.To)])]);

    public async Task<StoredEvent?> FindAsync(RelayId agent, EventId id) =>
        QueueReplies.Event(agent, id, await Run(RedisScript.Find, agent, RedisArgument.Of(id)));

    public async Task<StoredEvent?> FindAsync(EventId id) =>
        await search.OwnerOfAsync(id) is { } agent ? await FindAsync(agent, id) : null;

    public async Task<EventPage> ListAsync(RelayId agent, EventQuery query) => QueueReplies.Page(await Run(
        RedisScript.List, agent,
        [query.Before is { } before ? RedisArgument.Of(before) : "", query.Limit, .. QueueReplies.SetsOf(query.Status)]));

    public Task<IAsyncDisposable> SubscribeAsync(RelayId agent, Action<QueueSignal> onSignal) =>
        lanes.For(agent).Signals.AddAsync(
            keys.Signal(agent), message => onSignal(QueueReplies.Signal(message)), () => onSignal(new QueueSignal(ClaimedBy: null, AgentChanged: true)));

    /// <summary>Settled events have a time to live.</summary>
    public Task<int> PruneAsync(DateTimeOffset now) => Task.FromResult(0);

    private async Task<AcceptResult> AcceptAloneAsync(NewEvent accepted, AcceptTerms terms)
    {
        var answer = await lanes.For(accepted.Agent).RunAsync(
            RedisScript.Accept, keys.Agent(accepted.Agent), accepted.SizeBytes, _accept.From(accepted, terms));
        return QueueReplies.Accept(accepted.Id, (RedisValue)answer);
    }

    private Task<RedisResult> Run(RedisScript script, RelayId agent, params RedisValue[] arguments) =>
        lanes.For(agent).RunAsync(script, keys.Agent(agent), arguments);
}
