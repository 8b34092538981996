using System.Runtime.InteropServices;
using Microsoft.Extensions.Options;
using Relay.Protocol;
using Relay.Server.Cluster;
using Relay.Server.Delivery;
using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <summary>Each operation is one script call: one round trip, all or nothing.</summary>
internal sealed class RedisDeliveryQueue(
    RedisLanes lanes, RedisKeys keys, NodeIdentity node, RedisEventSearch search, SenderWaits waits, IOptions<DeliveryOptions> delivery) : IDeliveryQueue
{
    private readonly DeliveryOptions _delivery = delivery.Value;

    public bool LosesSignals => true;

    public async Task<AcceptResult> AcceptAsync(NewEvent accepted, AcceptTerms terms)
    {
        var (lease, wait) = (terms.Lease, accepted.ReplyBy is { } replyBy ? $"{Ms(replyBy)} {node.Name}" : "");
        var answer = await lanes.For(accepted.Agent).RunAsync(
            RedisScript.Accept, keys.Agent(accepted.Agent), accepted.SizeBytes,
            WithoutEmptyEnd(
            [
                Text(accepted.Id), Ms(accepted.AcceptedAt), Bytes(accepted.Head), Bytes(accepted.Body), terms.MaxQueuedEvents, terms.MaxQueuedBytes,
                lease?.Session.Value ?? "", lease is null ? 0 : Ms(lease.Value.Until), (long)terms.IdempotencyWindow.TotalMilliseconds,
                accepted.IdempotencyKey is { } key ? Convert.ToHexStringLower(key) : "",
                accepted.OrderingKey is { } order ? Convert.ToHexStringLower(order) : "", wait, lease is null ? "" : Said(lease.Value.Session, lease.Value.Room),
            ]));
        return QueueReplies.Accept(accepted.Id, (RedisValue)answer);
    }

    public async Task<LeaseResult> LeaseAsync(RelayId agent, LeaseRequest request)
    {
        var answer = await Run(
            RedisScript.Lease, agent,
            [request.Session.Value, request.MaxEvents, request.MaxBytes, Ms(request.Now), Ms(request.Until), Said(request.Session, request.Room)]);
        return QueueReplies.Lease(answer);
    }

    public async Task<IReadOnlyList<SettleResult>> SettleAsync(RelayId agent, IReadOnlyList<Settlement> settlements, DateTimeOffset now)
    {
        var arguments = SettleArguments.From(settlements, now, _delivery, node, waits);
        var answer = (RedisValue[]?)await lanes.For(agent).RunAsync(RedisScript.Settle, keys.Agent(agent), SettleArguments.Weight(settlements), arguments);
        var results = Array.ConvertAll(answer!, result => (SettleResult)(int)result);
        waits.Settled(settlements, results);
        return results;
    }

    public async Task<IReadOnlyList<bool>> ExtendAsync(RelayId agent, SessionId session, IReadOnlyList<EventId> ids, DateTimeOffset until)
    {
        var answer = (RedisValue[]?)await Run(RedisScript.Extend, agent, [session.Value, Ms(until), .. ids.Select(Text)]);
        return Array.ConvertAll(answer!, moved => (bool)moved);
    }

    public async Task<ClaimResult> ClaimAsync(RelayId agent, SessionId session, DateTimeOffset now) =>
        QueueReplies.Claim(await Run(RedisScript.Claim, agent, session.Value, Ms(now)));

    public async Task<ExpireResult> ExpireAsync(RelayId agent, EventId before, DateTimeOffset now, int limit) => QueueReplies.Expire(await Run(
        RedisScript.Expire, agent, Text(before), Ms(now), limit, (long)_delivery.DeadLetterRetention.TotalMilliseconds));

    public Task ForgetGapsAsync(RelayId agent, IReadOnlyList<Gap> told) =>
        Run(RedisScript.ForgetGaps, agent, [.. told.SelectMany(gap => (RedisValue[])[Gap.Name(gap.Reason), gap.Count, Ms(gap.To)])]);

    public async Task<StoredEvent?> FindAsync(RelayId agent, EventId id) =>
        QueueReplies.Event(agent, id, await Run(RedisScript.Find, agent, Text(id)));

    public async Task<StoredEvent?> FindAsync(EventId id) =>
        await search.OwnerOfAsync(id) is { } agent ? await FindAsync(agent, id) : null;

    public async Task<EventPage> ListAsync(RelayId agent, EventQuery query) => QueueReplies.Page(await Run(
        RedisScript.List, agent,
        [query.Before is { } before ? Text(before) : "", query.Limit, .. QueueReplies.SetsOf(query.Status)]));

    public Task<IAsyncDisposable> SubscribeAsync(RelayId agent, Action<QueueSignal> onSignal) =>
        lanes.For(agent).Signals.AddAsync(
            keys.Signal(agent), message => onSignal(QueueReplies.Signal(message)), () => onSignal(new QueueSignal(ClaimedBy: null, AgentChanged: true)));

    /// <summary>Settled events have a time to live.</summary>
    public Task<int> PruneAsync(DateTimeOffset now) => Task.FromResult(0);

    /// <summary>What a session that shares the agent says of itself.</summary>
    private string Said(SessionId session, int? room) => session.IsSharing && room is { } free ? $"{free} {node.Name}" : "";

    private Task<RedisResult> Run(RedisScript script, RelayId agent, params RedisValue[] arguments) =>
        lanes.For(agent).RunAsync(script, keys.Agent(agent), arguments);

    /// <summary>Most events have none of the last ones, and each costs Redis time.</summary>
    private static RedisValue[] WithoutEmptyEnd(RedisValue[] arguments) =>
        arguments[..(Array.FindLastIndex(arguments, static argument => !argument.IsNullOrEmpty) + 1)];

    private static RedisValue Ms(DateTimeOffset time) => time.ToUnixTimeMilliseconds();

    private static RedisValue Bytes(ReadOnlyMemory<byte> bytes) =>
        MemoryMarshal.TryGetArray(bytes, out var array) && array.Offset == 0 && array.Count == array.Array!.Length ? array.Array : bytes.ToArray();

    private static RedisValue Text(EventId id)
    {
        var text = new byte[EventId.TextLength];
        id.Format(text);
        return text;
    }
}
