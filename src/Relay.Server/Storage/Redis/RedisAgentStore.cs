using System.Security.Cryptography;
using Relay.Protocol;
using Relay.Server.Agents;

namespace Relay.Server.Storage.Redis;

/// <inheritdoc cref="IAgentStore"/>
internal sealed class RedisAgentStore(RedisLanes lanes, RedisKeys keys) : IAgentStore
{
    /// <summary>
    /// Index and document are in different slots of a cluster, so no transaction covers both. The index goes first: should the document
    /// not follow, the index names an agent that is not there, which finds nothing. A finder trusts the document's hash, never the index.
    /// </summary>
    public async Task AddAsync(AgentRecord agent, CancellationToken cancellationToken)
    {
        var lane = lanes.For(agent.Id);
        await lane.ExecuteAsync(database => database.StringSetAsync(keys.KeyIndex(agent.KeyHash), agent.Id.Value), cancellationToken);
        await lane.ExecuteAsync(database => database.StringSetAsync(keys.Document(agent.Id), AgentJson.Write(agent)), cancellationToken);
    }

    public async Task<AgentRecord?> FindAsync(RelayId id, CancellationToken cancellationToken)
    {
        var document = (byte[]?)await lanes.For(id).ExecuteAsync(database => database.StringGetAsync(keys.Document(id)), cancellationToken);
        return document is null ? null : AgentJson.Read(document);
    }

    public async Task<AgentRecord?> FindByKeyAsync(ReadOnlyMemory<byte> keyHash, CancellationToken cancellationToken)
    {
        var index = keys.KeyIndex(keyHash.Span);
        var named = (string?)await lanes.All[0].ExecuteAsync(database => database.StringGetAsync(index), cancellationToken);
        if (!RelayId.TryParse(named, out var id) || await FindAsync(id, cancellationToken) is not { } agent)
        {
            return null;
        }

        return CryptographicOperations.FixedTimeEquals(agent.KeyHash, keyHash.Span) ? agent : null;
    }
}
