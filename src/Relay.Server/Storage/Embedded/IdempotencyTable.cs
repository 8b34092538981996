namespace Relay.Server.Storage.Embedded;

/// <summary>
/// Which event used a key first, until when. Keys are random: in a table sorted by them each new one would be written with a page of its own.
/// So the newest stand in the order in which they came, and are found by an index in memory; what is too many for that goes into the sorted
/// table, a few at a time. The writer's thread only.
/// </summary>
internal sealed class IdempotencyTable
{
    /// <summary>About 32 MiB of memory.</summary>
    public const int DefaultMaxRecent = 1 << 20;

    private const int MoveEvery = 64;

    private readonly SqliteDatabase _database;
    private readonly int _maxRecent;
    private readonly RecentKeys _recent;
    private readonly SqliteStatement _findRecent;
    private readonly SqliteStatement _putRecent;
    private readonly SqliteStatement _moveRecent;
    private readonly SqliteStatement _deleteRecent;
    private readonly SqliteStatement _firstAlive;
    private readonly SqliteStatement _find;
    private readonly SqliteStatement _prune;
    private readonly SqliteStatement _any;

    /// <summary>Places of recent keys: the first that is there, and the next that is given.</summary>
    private (long First, long Next) _places;

    private (long First, long Next) _committed;

    /// <summary>Whether the sorted table may have any.</summary>
    private bool _hasOlder = true;

    /// <param name="database">Whose tables exist.</param>
    /// <param name="recent">As it was left, or empty.</param>
    /// <param name="maxRecent">More than this, and as many as come in between, are not kept in memory.</param>
    public IdempotencyTable(SqliteDatabase database, RecentKeys recent, int maxRecent = DefaultMaxRecent)
    {
        _database = database;
        _recent = recent;
        _maxRecent = maxRecent;
        _findRecent = database.Prepare("SELECT id FROM idempotency_recent WHERE place = ?1 AND queue = ?2 AND key = ?3 AND expires > ?4");
        _putRecent = database.Prepare("INSERT INTO idempotency_recent VALUES(?1, ?2, ?3, ?4, ?5)");
        _moveRecent = database.Prepare("INSERT OR REPLACE INTO idempotency SELECT queue, key, id, expires FROM idempotency_recent WHERE place < ?1 ORDER BY queue, key, place");
        _deleteRecent = database.Prepare("DELETE FROM idempotency_recent WHERE place < ?1");
        _firstAlive = database.Prepare("SELECT place FROM idempotency_recent WHERE place < ?1 AND expires > ?2 ORDER BY place LIMIT 1");
        _find = database.Prepare("SELECT id FROM idempotency WHERE queue = ?1 AND key = ?2 AND expires > ?3");
        _prune = database.Prepare("DELETE FROM idempotency WHERE (queue, key) IN (SELECT queue, key FROM idempotency WHERE expires <= ?1 LIMIT ?2)");
        _any = database.Prepare("SELECT 1 FROM idempotency LIMIT 1");
        ReadRecent();
    }

    public EventId? Find(long queue, ReadOnlySpan<byte> key, long now)
    {
        if (_recent.Find(queue, key) is { } place && First(_findRecent.Bind(1, place).Bind(2, queue).BindBlob(3, key).Bind(4, now)) is { } recent) return recent;
        return _hasOlder ? First(_find.Bind(1, queue).BindBlob(2, key).Bind(3, now)) : null;
    }

    public void Put(long queue, ReadOnlySpan<byte> key, EventId id, long expires)
    {
        var place = _places.Next++;
        _putRecent.Bind(1, place).Bind(2, queue).BindBlob(3, key).BindBlob(4, id.ToBytes()).Bind(5, expires).Execute();
        _recent.Add(queue, key, place);
        if (place % MoveEvery == 0 && _places.Next - _places.First > _maxRecent) MoveOldest();
    }

    /// <summary>Deletes at most <paramref name="max"/> expired keys and answers how many.</summary>
    public int Prune(long now, int max)
    {
        var end = Math.Min(_places.First + max, _places.Next);
        if (_firstAlive.Bind(1, end).Bind(2, now).Step())
        {
            end = _firstAlive.Number(0);
            _firstAlive.Reset();
        }

        var pruned = DeleteBefore(end);
        if (pruned < max && _hasOlder)
        {
            _prune.Bind(1, now).Bind(2, max - pruned).Execute();
            pruned += _database.Changes;
            _hasOlder = _any.Step();
            _any.Reset();
        }

        return pruned;
    }

    public void Commit()
    {
        _committed = _places;
        _recent.Commit(_places.First);
    }

    public void Rollback()
    {
        _places = _committed;
        _hasOlder = true;
        _recent.Rollback();
    }

    private static EventId? First(SqliteStatement bound)
    {
        if (!bound.Step()) return null;
        var id = EventId.FromBytes(bound.Blob(0));
        bound.Reset();
        return id;
    }

    /// <summary>Twice as many as come until it is done again, so that it ends.</summary>
    private void MoveOldest()
    {
        var end = Math.Min(_places.First + (2 * MoveEvery), _places.Next);
        _moveRecent.Bind(1, end).Execute();
        _hasOlder = true;
        DeleteBefore(end);
    }

    private int DeleteBefore(long end)
    {
        if (end == _places.First) return 0;
        _deleteRecent.Bind(1, end).Execute();
        _places.First = end;
        return _database.Changes;
    }

    /// <summary>All of them only where a commit's outcome was not known, and at the start: there may be a million.</summary>
    private void ReadRecent()
    {
        using (var range = _database.PrepareOnce("SELECT MIN(place), MAX(place) FROM idempotency_recent"))
        {
            range.Step();
            if (!range.IsNull(0)) _committed = _places = (range.Number(0), range.Number(1) + 1);
            if (!range.IsNull(0) && range.Number(1) == _recent.Last) return;
        }

        _recent.Clear();
        using var all = _database.PrepareOnce("SELECT place, queue, key FROM idempotency_recent ORDER BY place");
        while (all.Step())
        {
            _recent.Add(all.Number(1), all.Blob(2), all.Number(0));
            _recent.Commit(_places.First);
        }
    }
}
