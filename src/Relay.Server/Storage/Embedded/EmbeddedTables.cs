using Relay.Server.Delivery;

namespace Relay.Server.Storage.Embedded;

/// <summary>The writer's connection with everything that is bound to it: prepared statements and the counters read so far. The writer's thread only.</summary>
internal sealed class EmbeddedTables : IDisposable
{
    private readonly SqliteDatabase _database;
    private readonly SqliteStatement _begin;
    private readonly SqliteStatement _commit;
    private readonly SqliteStatement _check;
    private int _changesBefore;

    public EmbeddedTables(string path, DeliveryOptions options)
    {
        _database = new SqliteDatabase(path);
        try
        {
            Schema.Ensure(_database);
            _database.Execute("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 4096; PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -65536");
            _begin = _database.Prepare("BEGIN");
            _commit = _database.Prepare("COMMIT");
            _check = _database.Prepare("UPDATE health SET checks = checks + 1");
            Agents = new AgentTable(_database);
            Queues = new QueueTable(_database);
            Events = new EventTable(_database);
            Keys = new IdempotencyTable(_database);
            Settling = new Settling(Queues, Events, options);
        }
        catch
        {
            _database.Dispose();
            throw;
        }
    }

    public AgentTable Agents { get; }

    public QueueTable Queues { get; }

    public EventTable Events { get; }

    public IdempotencyTable Keys { get; }

    public Settling Settling { get; }

    public void Begin()
    {
        _changesBefore = _database.TotalChanges;
        _begin.Execute();
    }

    /// <summary>Answers whether there was something to write.</summary>
    public bool Commit()
    {
        Queues.SaveChanged();
        _commit.Execute();
        return _database.TotalChanges != _changesBefore;
    }

    public void Rollback()
    {
        Queues.Forget();
        _database.Rollback();
    }

    /// <summary>Writes something that matters to nobody.</summary>
    public bool Check() => !_check.Step();

    /// <summary>Brings what is in the log into the database file, then closes.</summary>
    public void Close()
    {
        try
        {
            _database.Execute("PRAGMA wal_checkpoint(TRUNCATE)");
        }
        finally
        {
            Dispose();
        }
    }

    public void Dispose() => _database.Dispose();
}
