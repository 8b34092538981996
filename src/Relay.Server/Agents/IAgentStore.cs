using Relay.Protocol;
using Relay.Server.Storage;

namespace Relay.Server.Agents;

/// <summary>Keeps agents. Any thread. A call that returns is durable; every call may throw <see cref="StoreUnavailableException"/>.</summary>
internal interface IAgentStore
{
    /// <summary>Adds an agent and the index from its key's hash to it, both or neither.</summary>
    Task AddAsync(AgentRecord agent, CancellationToken cancellationToken);

    Task<AgentRecord?> FindAsync(RelayId id, CancellationToken cancellationToken);

    /// <param name="keyHash">SHA-256 of an api key, 32 bytes.</param>
    /// <param name="cancellationToken">Ends the wait, not the call.</param>
    Task<AgentRecord?> FindByKeyAsync(ReadOnlyMemory<byte> keyHash, CancellationToken cancellationToken);
}
