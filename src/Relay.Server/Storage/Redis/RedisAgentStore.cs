using System.Security.Cryptography;
using Relay.Protocol;
using Relay.Server.Agents;
using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <inheritdoc cref="IAgentStore"/>
internal sealed class RedisAgentStore(RedisLanes lanes, RedisKeys keys) : IAgentStore
{
    /// <summary>For the keys that are no agent's own.</summary>
    private RedisLane Index => lanes.All[0];

    /// <summary>
    /// The indexes and the document are in different slots of a cluster, so no transaction covers them. The indexes go first: should the
    /// document not follow, they name an agent that is not there, which finds and lists nothing. A finder trusts the document's hash, never
    /// the index.
    /// </summary>
    public async Task AddAsync(AgentRecord agent, CancellationToken cancellationToken)
    {
        var lane = lanes.For(agent.Id);
        await lane.ExecuteAsync(database => database.StringSetAsync(keys.KeyIndex(agent.KeyHash), agent.Id.Value), cancellationToken);
        await Index.ExecuteAsync(database => database.SortedSetAddAsync(keys.AllAgents, agent.Id.Value, 0), cancellationToken);
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
        var named = (string?)await Index.ExecuteAsync(database => database.StringGetAsync(index), cancellationToken);
        if (!RelayId.TryParse(named, out var id) || await FindAsync(id, cancellationToken) is not { } agent)
        {
            return null;
        }

        return CryptographicOperations.FixedTimeEquals(agent.KeyHash, keyHash.Span) ? agent : null;
    }

    public async Task<bool> UpdateAsync(AgentRecord changed, CancellationToken cancellationToken)
    {
        var document = AgentJson.Write(changed with { Version = changed.Version + 1 });
        var update = lanes.For(changed.Id).RunAsync(RedisScript.ChangeAgent, keys.Agent(changed.Id), changed.Version, document);
        return (bool)await update.WaitAsync(cancellationToken);
    }

    /// <summary>A page of the index, then the documents that it names, asked for side by side.</summary>
    public async Task<AgentPage> ListAsync(RelayId? after, int limit, CancellationToken cancellationToken)
    {
        RedisValue from = after is { } last ? last.Value : RedisValue.Null;
        var named = await Index.ExecuteAsync(
            database => database.SortedSetRangeByValueAsync(keys.AllAgents, from, exclude: Exclude.Start, take: limit + 1), cancellationToken);
        var ids = Array.ConvertAll(named, static name => RelayId.TryParse(name, out var id)
            ? id
            : throw new StoreUnavailableException("Redis holds something that is not a relay id where the relay keeps relay ids."));
        var found = await Task.WhenAll(ids.Take(limit).Select(id => FindAsync(id, cancellationToken)));
        return new AgentPage([.. found.OfType<AgentRecord>()], ids.Length > limit ? ids[limit - 1] : null);
    }
}
