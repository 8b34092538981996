using Relay.Server.Cluster;
using Relay.Server.Connections;
using Relay.Server.Limits;
using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <summary>A hash for each address and each shared agent that has connections: how many by node, believed until a time by the nodes' clocks.</summary>
internal sealed class RedisSeats(RedisLanes lanes, RedisKeys keys, NodeIdentity node) : ISeatStore
{
    public async Task<bool> TakeAsync(LimitKey key, SeatCount taken, SeatCount most, DateTimeOffset now, DateTimeOffset until) =>
        (bool)await RunAsync(key, "take", taken, most, now, until);

    public Task GiveAsync(LimitKey key, SeatCount given, DateTimeOffset now, DateTimeOffset until) => RunAsync(key, "give", given, default, now, until);

    public Task HoldAsync(LimitKey key, SeatCount held, DateTimeOffset now, DateTimeOffset until) => RunAsync(key, "hold", held, default, now, until);

    private Task<RedisResult> RunAsync(LimitKey key, RedisValue act, SeatCount count, SeatCount most, DateTimeOffset now, DateTimeOffset until) =>
        lanes.For(key).RunAsync(
            RedisScript.Seats, keys.Limit(key), node.Name, now.ToUnixTimeMilliseconds(), until.ToUnixTimeMilliseconds(), act, count.All, count.Unauthenticated, most.All, most.Unauthenticated);
}
