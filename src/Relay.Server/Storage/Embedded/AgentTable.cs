using Relay.Protocol;
using Relay.Server.Agents;

namespace Relay.Server.Storage.Embedded;

/// <summary>Agents: a document each, found by id and by key hash.</summary>
internal sealed class AgentTable(SqliteDatabase database)
{
    private readonly SqliteStatement _insert = database.Prepare("INSERT OR IGNORE INTO agents VALUES(?1, ?2, ?3)");
    private readonly SqliteStatement _find = database.Prepare("SELECT document FROM agents WHERE id = ?1");
    private readonly SqliteStatement _findByKey = database.Prepare("SELECT document FROM agents WHERE key_hash = ?1");

    private readonly SqliteStatement _update = database.Prepare("UPDATE agents SET document = ?2 WHERE id = ?1");
    private readonly SqliteStatement _list = database.Prepare("SELECT document FROM agents WHERE id > ?1 ORDER BY id LIMIT ?2");

    /// <summary>False: the id or the key is taken.</summary>
    public bool Add(RelayId id, ReadOnlySpan<byte> keyHash, ReadOnlySpan<byte> document)
    {
        _insert.Bind(1, id.Value).BindBlob(2, keyHash).BindBlob(3, document).Execute();
        return database.Changes == 1;
    }

    public AgentRecord? Find(RelayId id) => Read(_find.Bind(1, id.Value));

    public AgentRecord? FindByKey(ReadOnlySpan<byte> keyHash) => Read(_findByKey.BindBlob(1, keyHash));

    /// <summary>False: it is not there, or its version is another.</summary>
    public bool Update(RelayId id, long version, ReadOnlySpan<byte> document)
    {
        if (Find(id)?.Version != version) return false;
        _update.Bind(1, id.Value).BindBlob(2, document).Execute();
        return true;
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
