using Relay.Protocol;
using Relay.Server.Storage;

namespace Relay.Server.Agents;

/// <summary>Keeps agents. Any thread. A call that returns is durable; every call may throw <see cref="StoreUnavailableException"/>.</summary>
internal interface IAgentStore
{
    /// <summary>Adds an agent and the index from its keys' hashes to it, all or nothing.</summary>
    Task AddAsync(AgentRecord agent, CancellationToken cancellationToken);

    Task<AgentRecord?> FindAsync(RelayId id, CancellationToken cancellationToken);

    /// <summary>The agent that has the key, or had it before a rotation that is still kept; whether its time is over is for the caller to see.</summary>
    /// <param name="keyHash">SHA-256 of an api key, 32 bytes.</param>
    /// <param name="cancellationToken">Ends the wait, not the call.</param>
    Task<AgentRecord?> FindByKeyAsync(ReadOnlyMemory<byte> keyHash, CancellationToken cancellationToken);

    /// <summary>
    /// Keeps the changed agent in the place of the one with its id, if that one still has its <see cref="AgentRecord.Version"/>: the one it
    /// was changed from. The version kept is one more. Subscribers of the agent's queue are told. Its keys find
    /// it as it is now: those it has not any more find nothing.
    /// </summary>
    /// <returns>False: it is not there, or somebody else changed it first. Nothing was changed.</returns>
    Task<bool> UpdateAsync(AgentRecord changed, CancellationToken cancellationToken);

    /// <summary>Agents in the order of their ids, deactivated ones too. An agent that is there from the first page to the last is on exactly one.</summary>
    /// <param name="after">Where the page begins: <see cref="AgentPage.Next"/> of the one before; null: the first.</param>
    /// <param name="limit">How many agents at most; 1 or more.</param>
    /// <param name="cancellationToken">Ends the wait, not the call.</param>
    Task<AgentPage> ListAsync(RelayId? after, int limit, CancellationToken cancellationToken);

    /// <summary>Keeps when keys were last used; those that are no agent's any more are left out.</summary>
    Task NoteUsesAsync(IReadOnlyList<KeyUse> uses);

    /// <returns>Unix ms; null: no use of the key is kept.</returns>
    Task<long?> FindLastUseAsync(RelayId agent, byte[] keyHash);
}

/// <param name="Agent">Whose key.</param>
/// <param name="KeyHash">SHA-256 of the key, 32 bytes.</param>
/// <param name="At">Unix ms.</param>
internal readonly record struct KeyUse(RelayId Agent, byte[] KeyHash, long At);

/// <param name="Agents">In order; it may be fewer than were asked for although there are more.</param>
/// <param name="Next">Where the next page begins; null: this is the last.</param>
internal sealed record AgentPage(IReadOnlyList<AgentRecord> Agents, RelayId? Next);
