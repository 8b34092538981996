using Relay.Protocol;
using Relay.Server.Agents;

namespace Relay.Server.Storage.Embedded;

/// <summary>Agents: a document each, found by id and by the hash of each key.</summary>
internal sealed class AgentTable(SqliteDatabase database)
{
    private readonly SqliteStatement _insert = database.Prepare("INSERT INTO agents VALUES(?1, ?2)");
    private readonly SqliteStatement _find = database.Prepare("SELECT document FROM agents WHERE id = ?1");
    private readonly SqliteStatement _findByKey = database.Prepare("SELECT document FROM agent_keys JOIN agents ON id = agent WHERE hash = ?1");

    private readonly SqliteStatement _insertKey = database.Prepare("INSERT OR IGNORE INTO agent_keys VALUES(?1, ?2, NULL)");
    private readonly SqliteStatement _deleteKey = database.Prepare("DELETE FROM agent_keys WHERE hash = ?1");
    private readonly SqliteStatement _noteUse = database.Prepare("UPDATE agent_keys SET last_used = ?2 WHERE hash = ?1");
    private readonly SqliteStatement _findUse = database.Prepare("SELECT last_used FROM agent_keys WHERE hash = ?1 AND last_used IS NOT NULL");
    private readonly SqliteStatement _update = database.Prepare("UPDATE agents SET document = ?2 WHERE id = ?1");
    private readonly SqliteStatement _list = database.Prepare("SELECT document FROM agents WHERE id > ?1 ORDER BY id LIMIT ?2");

    /// <summary>False: the id or a key is taken, and nothing was written.</summary>
    public bool Add(AgentRecord agent, ReadOnlySpan<byte> document)
    {
        if (Find(agent.Id) is not null || agent.ListKeyHashes().Any(hash => FindByKey(hash) is not null)) return false;
        _insert.Bind(1, agent.Id.Value).BindBlob(2, document).Execute();
        foreach (var hash in agent.ListKeyHashes()) _insertKey.BindBlob(1, hash).Bind(2, agent.Id.Value).Execute();
        return true;
    }

    public AgentRecord? Find(RelayId id) => Read(_find.Bind(1, id.Value));

    public AgentRecord? FindByKey(ReadOnlySpan<byte> keyHash) => Read(_findByKey.BindBlob(1, keyHash));

    /// <summary>False: it is not there, or its version is another.</summary>
    public bool Update(AgentRecord changed, ReadOnlySpan<byte> document)
    {
        if (Find(changed.Id) is not { } kept || kept.Version != changed.Version) return false;
        _update.Bind(1, changed.Id.Value).BindBlob(2, document).Execute();
        var after = changed.ListKeyHashes();
        foreach (var hash in kept.ListKeyHashes().Where(hash => !after.Any(other => other.AsSpan().SequenceEqual(hash)))) _deleteKey.BindBlob(1, hash).Execute();
        foreach (var hash in after) _insertKey.BindBlob(1, hash).Bind(2, changed.Id.Value).Execute();
        return true;
    }

    public void NoteUse(KeyUse use) => _noteUse.BindBlob(1, use.KeyHash).Bind(2, use.At).Execute();

    public long? FindLastUse(ReadOnlySpan<byte> keyHash)
    {
        if (!_findUse.BindBlob(1, keyHash).Step()) return null;
        var at = _findUse.Number(0);
        _findUse.Reset();
        return at;
    }

    /// <summary>In the order of ids, which is that of the primary key: no other index is needed.</summary>
    public List<AgentRecord> List(RelayId? after, int limit)
    {
        List<byte[]> documents = [];
        _list.Bind(1, after?.Value ?? "").Bind(2, limit);
        while (_list.Step()) documents.Add(_list.Blob(0).ToArray());
        return documents.ConvertAll(static document => AgentJson.Read(document));
    }

    private static AgentRecord? Read(SqliteStatement statement)
    {
        if (!statement.Step()) return null;
        // Reset before anything can go wrong: an open read keeps the log from being emptied.
        var document = statement.Blob(0).ToArray();
        statement.Reset();
        return AgentJson.Read(document);
    }
}
