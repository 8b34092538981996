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
    /// document not follow, they name an agent that is not there, which finds and lists nothing. A finder trusts the document's hashes, never
    /// the index.
    /// </summary>
    public async Task AddAsync(AgentRecord agent, CancellationToken cancellationToken)
    {
        await IndexAsync(agent.Id, agent.ListKeyHashes(), cancellationToken);
        await Index.ExecuteAsync(database => database.SortedSetAddAsync(keys.AllAgents, agent.Id.Value, 0), cancellationToken);
        await lanes.For(agent.Id).ExecuteAsync(database => database.StringSetAsync(keys.Document(agent.Id), AgentJson.Write(agent)), cancellationToken);
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

        return agent.ListKeyHashes().Any(hash => CryptographicOperations.FixedTimeEquals(hash, keyHash.Span)) ? agent : null;
    }

    /// <summary>A new key is indexed before the document has it, and one that is gone after that: between the two an index only names too much.</summary>
    public async Task<bool> UpdateAsync(AgentRecord changed, CancellationToken cancellationToken)
    {
        if (await FindAsync(changed.Id, cancellationToken) is not { } kept || kept.Version != changed.Version)
        {
            return false;
        }

        var (before, after) = (kept.ListKeyHashes(), changed.ListKeyHashes());
        var added = Without(after, before);
        await IndexAsync(changed.Id, added, cancellationToken);

        // From here on to the end, whether or not the caller still waits.
        return await UpdateAsync(changed, added, Without(before, after)).WaitAsync(cancellationToken);
    }

    private async Task<bool> UpdateAsync(AgentRecord changed, IReadOnlyList<byte[]> added, IReadOnlyList<byte[]> removed)
    {
        var document = AgentJson.Write(changed with { Version = changed.Version + 1 });
        var updated = (bool)await lanes.For(changed.Id).RunAsync(RedisScript.ChangeAgent, keys.Agent(changed.Id), changed.Version, document, (string)keys.AgentChanges!, changed.Id.Value);
        try
        {
            foreach (var hash in updated ? removed : added)
            {
                await Index.ExecuteAsync(database => database.KeyDeleteAsync(keys.KeyIndex(hash)), CancellationToken.None);
                await lanes.For(changed.Id).ExecuteAsync(database => database.HashDeleteAsync(keys.KeyUses(changed.Id), hash), CancellationToken.None);
            }
        }
        catch (StoreUnavailableException)
        {
            // What is left names an agent that does not have the key: it finds nothing.
        }

        return updated;
    }

    private async Task IndexAsync(RelayId agent, IReadOnlyList<byte[]> hashes, CancellationToken cancellationToken)
    {
        foreach (var hash in hashes)
        {
            await Index.ExecuteAsync(database => database.StringSetAsync(keys.KeyIndex(hash), agent.Value), cancellationToken);
        }
    }

    private static List<byte[]> Without(IReadOnlyList<byte[]> hashes, IReadOnlyList<byte[]> others) =>
        [.. hashes.Where(hash => !others.Any(other => other.AsSpan().SequenceEqual(hash)))];

    public Task NoteUsesAsync(IReadOnlyList<KeyUse> uses) => Task.WhenAll(uses.Select(use =>
        lanes.For(use.Agent).RunAsync(RedisScript.NoteUse, keys.Agent(use.Agent), Convert.ToBase64String(use.KeyHash), use.KeyHash, use.At)));

    public async Task<long?> FindLastUseAsync(RelayId agent, byte[] keyHash) =>
        (long?)await lanes.For(agent).ExecuteAsync(database => database.HashGetAsync(keys.KeyUses(agent), keyHash), CancellationToken.None);

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
