using Relay.Protocol;
using Relay.Server.Storage;

namespace Relay.Server.Connections;

/// <summary>Whether an agent has a connection, on any node. Any thread.</summary>
internal interface IPresence
{
    /// <summary>
    /// Answered at once for a connection of this node, by the store for one of another. A node that died counts until
    /// <see cref="Presence.Lifetime"/> after its last sign of life.
    /// </summary>
    /// <exception cref="StoreUnavailableException">No connection is here, and whether one is elsewhere cannot be known.</exception>
    ValueTask<bool> IsConnectedAsync(RelayId agent);
}

/// <summary>
/// Where nodes tell each other whom they serve. A call takes its place in the order before it returns its task, as the queue's do. Every call
/// may throw <see cref="StoreUnavailableException"/>. Any thread.
/// </summary>
internal interface IPresenceStore
{
    /// <summary>This node has a connection of the agent, and that is believed until then.</summary>
    Task AnnounceAsync(RelayId agent, DateTimeOffset now, DateTimeOffset until);

    /// <summary>This node has none any more.</summary>
    Task WithdrawAsync(RelayId agent, DateTimeOffset now);

    /// <summary>Whether some node has one.</summary>
    Task<bool> IsAnnouncedAsync(RelayId agent, DateTimeOffset now);
}
