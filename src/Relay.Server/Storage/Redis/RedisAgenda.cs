using Relay.Protocol;
using Relay.Server.Delivery;
using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <summary>A sorted set for each kind: agents by the time at which they are due.</summary>
internal sealed class RedisAgenda(RedisLanes lanes, RedisKeys keys) : IAgenda
{
    private RedisLane Lane => lanes.All[0];

    public async Task<IReadOnlyList<RelayId>> TakeDueAsync(AgendaKind kind, DateTimeOffset now, DateTimeOffset until, int limit)
    {
        var due = (RedisValue[])(await Lane.RunAsync(
            RedisScript.TakeDue, keys.Agenda(kind), now.ToUnixTimeMilliseconds(), until.ToUnixTimeMilliseconds(), limit))!;
        return [.. due.Select(static name => (IsKnown: RelayId.TryParse(name, out var id), Id: id)).Where(static read => read.IsKnown).Select(static read => read.Id)];
    }

    public Task SetAsync(AgendaKind kind, RelayId agent, DateTimeOffset at) => Lane.ExecuteAsync(
        database => database.SortedSetAddAsync(keys.Agenda(kind), agent.Value, at.ToUnixTimeMilliseconds()), CancellationToken.None);

    public Task MoveAsync(AgendaKind kind, RelayId agent, DateTimeOffset from, DateTimeOffset to) => Lane.RunAsync(
        RedisScript.MoveDue, keys.Agenda(kind), agent.Value, from.ToUnixTimeMilliseconds(), to.ToUnixTimeMilliseconds());

    public Task RemoveAsync(AgendaKind kind, RelayId agent, DateTimeOffset from) => Lane.RunAsync(
        RedisScript.MoveDue, keys.Agenda(kind), agent.Value, from.ToUnixTimeMilliseconds(), "");
}
