using Relay.Protocol;
using Relay.Server.Agents;

namespace Relay.Server.Storage.Redis;

/// <summary>One channel for all agents, so that a node need not listen to each that it remembers.</summary>
internal sealed class RedisAgentChanges(RedisLanes lanes, RedisKeys keys) : IAgentChanges
{
    public Task<IAsyncDisposable> SubscribeAsync(Action<RelayId?> onChanged) => lanes.All[0].Signals.AddAsync(
        keys.AgentChanges,
        message => onChanged(RelayId.TryParse((string?)message, out var id) ? id : null),
        onMissed: () => onChanged(null));
}
