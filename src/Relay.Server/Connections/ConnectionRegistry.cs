using System.Collections.Concurrent;
using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Storage;

namespace Relay.Server.Connections;

/// <summary>The connections of this node. Any thread.</summary>
internal sealed class ConnectionRegistry(IDeliveryQueue queue, IPresenceStore presence, TimeProvider time)
{
    /// <summary>Over which agents that are sent elsewhere come back: they miss nothing, but they wait.</summary>
    private static readonly TimeSpan ReconnectSpread = TimeSpan.FromSeconds(1);

    private readonly Lock _gate = new();
    private readonly ConcurrentDictionary<AgentConnection, byte> _all = new();

    /// <summary>One or more each, never changed in place. Written under the lock.</summary>
    private readonly ConcurrentDictionary<RelayId, AgentConnection[]> _byAgent = new();

    private uint _picks;
    private long _keysPresented;

    /// <summary>All, those that have not authenticated yet and those that are ending too.</summary>
    public IEnumerable<AgentConnection> All => _all.Select(static item => item.Key);

    public int AuthenticatedCount => _byAgent.Sum(static item => item.Value.Length);

    /// <summary>Who has a connection here.</summary>
    public IEnumerable<RelayId> Agents => _byAgent.Select(static item => item.Key);

    public bool IsConnected(RelayId agent) => _byAgent.ContainsKey(agent);

    /// <summary>The agent's connection; of several the one with the most room, and of those with as much each in turn.</summary>
    public AgentConnection? Pick(RelayId agent)
    {
        if (!_byAgent.TryGetValue(agent, out var connections))
        {
            return null;
        }

        if (connections.Length == 1)
        {
            return connections[0];
        }

        var first = Interlocked.Increment(ref _picks);
        var (picked, most) = (connections[first % connections.Length], -1);
        for (var i = 0u; i < connections.Length; i++)
        {
            var connection = connections[(first + i) % connections.Length];
            if (connection.Pump.Room is var room && room > most)
            {
                (picked, most) = (connection, room);
            }
        }

        return picked;
    }

    /// <returns>The place of a connection among those that presented a key.</returns>
    public long NextKeyPresented() => Interlocked.Increment(ref _keysPresented);

    public void Add(AgentConnection connection) => _all.TryAdd(connection, 0);

    /// <summary>The connection is over.</summary>
    public void Remove(AgentConnection connection) => _all.TryRemove(connection, out _);

    /// <summary>Asks so many agents to connect again, wherever they then arrive: first those that have nothing in flight.</summary>
    public void MoveElsewhere(int count)
    {
        AgentConnection[] here = [.. _byAgent.SelectMany(static item => item.Value)];
        Random.Shared.Shuffle(here);
        foreach (var connection in here.OrderBy(static connection => connection.Pump.InFlightCount > 0).Take(count))
        {
            connection.Drain(StopReason.Rebalance, ReconnectSpread * Random.Shared.NextDouble());
        }
    }

    /// <summary>Tells other nodes that the agent is here, if it is.</summary>
    public Task AnnounceAsync(RelayId agent)
    {
        // Under the lock, so that it is never said after a withdrawal.
        lock (_gate)
        {
            var now = time.GetUtcNow();
            return _byAgent.ContainsKey(agent) ? presence.AnnounceAsync(agent, now, now + Presence.Lifetime) : Task.CompletedTask;
        }
    }

    /// <summary>
    /// Makes the connection its agent's: the only one, here and in the queue, or one more of those that share it. The order of claims in the
    /// queue is the order here, so that of two that come together the same one wins in both places.
    /// </summary>
    /// <returns>Null: one that presented the key later has entered already.</returns>
    public async Task<ClaimResult?> EnterAsync(AgentConnection connection, RelayId agent)
    {
        Task<ClaimResult> claim;
        Task announcement;
        AgentConnection[] older;
        var isExclusive = connection.Session.NeedsClaim;
        lock (_gate)
        {
            var here = _byAgent.GetValueOrDefault(agent, []);
            if (isExclusive && here.Any(other => other.Session.NeedsClaim && other.KeyPresented > connection.KeyPresented))
            {
                return null;
            }

            older = isExclusive ? here : [.. here.Where(static other => other.Session.NeedsClaim)];
            _byAgent[agent] = [.. here.Except(older), connection];
            claim = queue.ClaimAsync(agent, connection.Session, time.GetUtcNow());
            announcement = AnnounceAsync(agent);
        }

        foreach (var one in older)
        {
            // One of the other mode has not heard yet that the agent has changed.
            one.Stop(isExclusive && one.Session.NeedsClaim ? StopReason.Replaced : StopReason.SettingsChanged);
        }

        await Task.WhenAll(claim, announcement);
        return await claim;
    }

    /// <summary>The connection hands out nothing any more.</summary>
    /// <returns>Ends when other nodes have been told, or could not be. Never faults.</returns>
    public async Task WithdrawAsync(AgentConnection connection, RelayId? agent)
    {
        try
        {
            await (agent is { } id ? TakeOut(connection, id) : Task.CompletedTask);
        }
        catch (StoreUnavailableException)
        {
            // What is not renewed ends by itself.
        }
    }

    private Task TakeOut(AgentConnection connection, RelayId agent)
    {
        lock (_gate)
        {
            if (!_byAgent.TryGetValue(agent, out var here) || !here.Contains(connection))
            {
                return Task.CompletedTask;
            }

            if (here.Length > 1)
            {
                _byAgent[agent] = [.. here.Where(other => other != connection)];
                return Task.CompletedTask;
            }

            _byAgent.TryRemove(agent, out _);
            return presence.WithdrawAsync(agent, time.GetUtcNow());
        }
    }
}
