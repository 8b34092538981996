using System.Collections.Concurrent;
using Relay.Protocol;
using Relay.Server.Delivery;

namespace Relay.Server.Connections;

/// <summary>The connections of this node. Any thread.</summary>
internal sealed class ConnectionRegistry(IDeliveryQueue queue, TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly ConcurrentDictionary<AgentConnection, byte> _all = new();
    private readonly ConcurrentDictionary<RelayId, AgentConnection> _byAgent = new();

    /// <summary>All, those that have not authenticated yet and those that are ending too.</summary>
    public IEnumerable<AgentConnection> All => _all.Select(static item => item.Key);

    public int AuthenticatedCount => _byAgent.Count;

    public AgentConnection? Find(RelayId agent) => _byAgent.GetValueOrDefault(agent);

    public void Add(AgentConnection connection) => _all.TryAdd(connection, 0);

    /// <summary>The connection is over.</summary>
    public void Remove(AgentConnection connection, RelayId? agent)
    {
        _all.TryRemove(connection, out _);
        Withdraw(connection, agent);
    }

    /// <summary>
    /// Makes the connection its agent's only one, here and in the queue. The order of claims in the queue is the order here, so that
    /// of two that come together the same one wins in both places.
    /// </summary>
    public async Task<ClaimResult> ClaimAsync(AgentConnection connection, RelayId agent)
    {
        Task<ClaimResult> claim;
        AgentConnection? older;
        lock (_gate)
        {
            older = _byAgent.GetValueOrDefault(agent);
            _byAgent[agent] = connection;
            claim = queue.ClaimAsync(agent, connection.Session, time.GetUtcNow());
        }

        older?.Stop(StopReason.Replaced);
        return await claim;
    }

    /// <summary>The connection hands out nothing any more.</summary>
    public void Withdraw(AgentConnection connection, RelayId? agent)
    {
        if (agent is { } id)
        {
            _byAgent.TryRemove(KeyValuePair.Create(id, connection));
        }
    }
}
