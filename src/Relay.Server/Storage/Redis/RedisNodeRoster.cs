using Relay.Server.Cluster;
using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <summary>One hash: for each node, until when it is believed, by the nodes' clocks, and its connections.</summary>
internal sealed class RedisNodeRoster(RedisLanes lanes, RedisKeys keys, NodeIdentity node) : INodeRoster
{
    private RedisLane Lane => lanes.All[0];

    public async Task<IReadOnlyList<NodeReport>> ReportAsync(int connections, DateTimeOffset now, DateTimeOffset until)
    {
        var answer = (RedisValue[])(await Lane.RunAsync(
            RedisScript.ReportNode, keys.Cluster, node.Name, connections, now.ToUnixTimeMilliseconds(), until.ToUnixTimeMilliseconds()))!;
        return [.. answer.Chunk(2).Select(static pair => new NodeReport(pair[0]!, (int)pair[1]))];
    }

    public Task LeaveAsync() => Lane.ExecuteAsync(database => database.HashDeleteAsync(keys.Cluster, node.Name), CancellationToken.None);
}
