using Relay.Protocol;
using Relay.Server.Agents;

namespace Relay.Server.Storage.Embedded;

internal sealed class EmbeddedAgentStore(EmbeddedStore store) : IAgentStore
{
    public async Task AddAsync(AgentRecord agent, CancellationToken cancellationToken)
    {
        var document = AgentJson.Write(agent);
        if (!await store.Writer.RunAsync(tables => tables.Agents.Add(agent.Id, agent.KeyHash, document)).WaitAsync(cancellationToken))
        {
            throw new InvalidOperationException("An agent with this id or this key is there already.");
        }
    }

    public Task<AgentRecord?> FindAsync(RelayId id, CancellationToken cancellationToken) =>
        ReadAsync(agents => agents.Find(id), cancellationToken);

    public Task<AgentRecord?> FindByKeyAsync(ReadOnlyMemory<byte> keyHash, CancellationToken cancellationToken) =>
        ReadAsync(agents => agents.FindByKey(keyHash.Span), cancellationToken);

    private Task<AgentRecord?> ReadAsync(Func<AgentTable, AgentRecord?> read, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested) return Task.FromCanceled<AgentRecord?>(cancellationToken);
        try
        {
            return Task.FromResult(store.Agents.Read(read));
        }
        catch (StoreUnavailableException fault)
        {
            return Task.FromException<AgentRecord?>(fault);
        }
    }
}
