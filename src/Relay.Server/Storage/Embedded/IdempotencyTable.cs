namespace Relay.Server.Storage.Embedded;

/// <summary>Which event used a key first, until when.</summary>
internal sealed class IdempotencyTable(SqliteDatabase database)
{
    private readonly SqliteStatement _find = database.Prepare("SELECT id FROM idempotency WHERE queue = ?1 AND key = ?2 AND expires > ?3");
    private readonly SqliteStatement _put = database.Prepare("INSERT OR REPLACE INTO idempotency VALUES(?1, ?2, ?3, ?4)");
    private readonly SqliteStatement _prune = database.Prepare(
        "DELETE FROM idempotency WHERE (queue, key) IN (SELECT queue, key FROM idempotency WHERE expires <= ?1 LIMIT ?2)");

    public EventId? Find(long queue, ReadOnlySpan<byte> key, long now)
    {
        if (!_find.Bind(1, queue).BindBlob(2, key).Bind(3, now).Step()) return null;
        var id = EventId.FromBytes(_find.Blob(0));
        _find.Reset();
        return id;
    }

    public void Put(long queue, ReadOnlySpan<byte> key, EventId id, long expires) =>
        _put.Bind(1, queue).BindBlob(2, key).BindBlob(3, id.ToBytes()).Bind(4, expires).Execute();

    /// <summary>Deletes at most <paramref name="max"/> expired keys and answers how many.</summary>
    public int Prune(long now, int max)
    {
        _prune.Bind(1, now).Bind(2, max).Execute();
        return database.Changes;
    }
}
