using Relay.Protocol;
using Relay.Server.Cluster;
using Relay.Server.Connections;
using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <summary>A sorted set for each connected agent: nodes by the time until which they are believed, by the nodes' clocks.</summary>
internal sealed class RedisPresence(RedisLanes lanes, RedisKeys keys, NodeIdentity node) : IPresenceStore
{
    public Task AnnounceAsync(RelayId agent, DateTimeOffset now, DateTimeOffset until) => RunAsync(agent, now, until.ToUnixTimeMilliseconds());

    public Task WithdrawAsync(RelayId agent, DateTimeOffset now) => RunAsync(agent, now, "");

    public async Task<bool> IsAnnouncedAsync(RelayId agent, DateTimeOffset now) => await lanes.For(agent).ExecuteAsync(
        database => database.SortedSetLengthAsync(keys.Nodes(agent), now.ToUnixTimeMilliseconds(), double.PositiveInfinity, Exclude.Start),
        CancellationToken.None) > 0;

    private Task<RedisResult> RunAsync(RelayId agent, DateTimeOffset now, RedisValue until) =>
        lanes.For(agent).RunAsync(RedisScript.Presence, keys.Agent(agent), node.Name, now.ToUnixTimeMilliseconds(), until);
}
