using Relay.Protocol;
using Relay.Server.Agents;
using Relay.Server.Delivery;

namespace Relay.Server.Storage.Embedded;

internal sealed class EmbeddedAgentStore(EmbeddedStore store) : IAgentStore
{
    public async Task AddAsync(AgentRecord agent, CancellationToken cancellationToken)
    {
        var document = AgentJson.Write(agent);
        if (!await store.Writer.RunAsync(tables => tables.Agents.Add(agent, document)).WaitAsync(cancellationToken))
        {
            throw new InvalidOperationException("An agent with this id or this key is there already.");
        }
    }

    public Task<AgentRecord?> FindAsync(RelayId id, CancellationToken cancellationToken) =>
        ReadAsync(agents => agents.Find(id), cancellationToken);

    public Task<AgentRecord?> FindByKeyAsync(ReadOnlyMemory<byte> keyHash, CancellationToken cancellationToken) =>
        ReadAsync(agents => agents.FindByKey(keyHash.Span), cancellationToken);

    public async Task<bool> UpdateAsync(AgentRecord changed, CancellationToken cancellationToken)
    {
        var document = AgentJson.Write(changed with { Version = changed.Version + 1 });
        return await UpdateAndTellAsync(changed, document).WaitAsync(cancellationToken);
    }

    public Task<AgentPage> ListAsync(RelayId? after, int limit, CancellationToken cancellationToken) => ReadAsync(
        agents => agents.List(after, limit + 1) is var found && found.Count > limit
            ? new AgentPage(found[..limit], found[limit - 1].Id)
            : new AgentPage(found, Next: null),
        cancellationToken);

    public Task NoteUsesAsync(IReadOnlyList<KeyUse> uses) => store.Writer.RunAsync(tables =>
    {
        foreach (var use in uses) tables.Agents.NoteUse(use);
        return true;
    });

    public Task<long?> FindLastUseAsync(RelayId agent, byte[] keyHash) => ReadAsync(agents => agents.FindLastUse(keyHash), CancellationToken.None);

    /// <summary>Subscribers are told also when who asked for the change does not wait for it any more.</summary>
    private async Task<bool> UpdateAndTellAsync(AgentRecord changed, byte[] document)
    {
        var updated = await store.Writer.RunAsync(tables => tables.Agents.Update(changed, document));
        if (updated) store.Subscriptions.Tell(changed.Id, new QueueSignal(ClaimedBy: null, AgentChanged: true));
        return updated;
    }

    private Task<T> ReadAsync<T>(Func<AgentTable, T> read, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested) return Task.FromCanceled<T>(cancellationToken);
        try
        {
            return Task.FromResult(store.Agents.Read(read));
        }
        catch (StoreUnavailableException fault)
        {
            return Task.FromException<T>(fault);
        }
    }
}
