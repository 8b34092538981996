using Relay.Protocol;
using Relay.Server.Activities;
using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <summary>A stream for each agent. One that nothing was added to for <see cref="Lifetime"/> is forgotten.</summary>
internal sealed class RedisAgentLog(RedisLanes lanes, RedisKeys keys) : IAgentLog
{
    private static readonly TimeSpan Lifetime = TimeSpan.FromDays(30);

    public Task AppendAsync(RelayId agent, IReadOnlyList<ActivityEntry> entries) => lanes.For(agent).RunAsync(
        RedisScript.Log, keys.Agent(agent),
        [IAgentLog.MostKept, (long)Lifetime.TotalMilliseconds, .. entries.Select(static entry => (RedisValue)ActivityJson.Write(entry))]);

    public async Task<AgentLogPage> ReadAsync(RelayId agent, long? before, int limit)
    {
        var answer = (RedisValue[])(await lanes.For(agent).RunAsync(RedisScript.ReadLog, keys.Agent(agent), before ?? -1, limit + 1))!;
        return AgentLogPage.Of([.. answer.Chunk(2).Select(static pair => ((long)pair[0], ActivityJson.Read((byte[])pair[1]!)))], limit);
    }
}
