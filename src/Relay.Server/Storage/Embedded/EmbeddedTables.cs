using Relay.Server.Delivery;
using Relay.Server.Operations.Statistics;
using Relay.Server.Storage.Embedded.Batches;

namespace Relay.Server.Storage.Embedded;

/// <summary>The writer's connection with everything that is bound to it: prepared statements and the counters read so far. The writer's thread only.</summary>
internal sealed class EmbeddedTables : IDisposable
{
    // The checkpointer brings the log into the file, and nothing else may. The log keeps at most 128 MiB of disk. 16 MiB of pages
    // stay in memory: SQLite walks all of them after a commit that split a page in the middle (a page number beyond the end is its spare one).
    private const string Sizes = "PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 134217728; PRAGMA cache_size = -16384";

    private readonly SqliteStatement _begin;
    private readonly SqliteStatement _commit;
    private readonly SqliteStatement _check;
    private int _changesBefore;

    public EmbeddedTables(string path, DeliveryOptions options, RecentKeys keys)
    {
        Database = new SqliteDatabase(path);
        try
        {
            Schema.Ensure(Database);
            Database.Execute("PRAGMA synchronous = FULL");
            Database.Execute(Sizes);

            // A reader that meets the log's header while it is written takes the lock of writers for a moment. Who begins by taking it waits
            // for that; who has read something first, and writes then, is refused at once.
            _begin = Database.Prepare("BEGIN IMMEDIATE");
            _commit = Database.Prepare("COMMIT");
            _check = Database.Prepare("UPDATE health SET checks = checks + 1");
            Agents = new AgentTable(Database);
            Queues = new QueueTable(Database);
            Events = new EventTable(Database);
            Batches = new BatchTable(Database, options);
            Keys = new IdempotencyTable(Database, keys);
            Gaps = new GapTable(Database);
            Log = new LogTable(Database);
            Agenda = new AgendaTable(Database);
            AdminKeys = new AdminKeyTable(Database);
            Audit = new AuditTable(Database);
            Counts = new CountTable(Database);
            Options = options;
        }
        catch
        {
            Database.Dispose();
            throw;
        }
    }

    public SqliteDatabase Database { get; }

    public AgentTable Agents { get; }

    public QueueTable Queues { get; }

    public EventTable Events { get; }

    public BatchTable Batches { get; }

    public IdempotencyTable Keys { get; }

    public GapTable Gaps { get; }

    public LogTable Log { get; }

    public AgendaTable Agenda { get; }

    public AdminKeyTable AdminKeys { get; }

    public AuditTable Audit { get; }

    public CountTable Counts { get; }

    public DeliveryOptions Options { get; }

    /// <summary>Whether what is accepted now may be there already, from a transaction that failed.</summary>
    public bool MayBeStored { get; private set; }

    /// <param name="again">Its calls were made in another that failed, and that may yet be on disk.</param>
    public void Begin(bool again)
    {
        MayBeStored = again;
        _changesBefore = Database.TotalChanges;
        _begin.Execute();
    }

    /// <summary>Answers whether there was something to write.</summary>
    public bool Commit()
    {
        this.SaveBatches();
        Queues.SaveChanged();
        _commit.Execute();
        Keys.Commit();
        return Database.TotalChanges != _changesBefore;
    }

    /// <summary>Everything that was written before is counted.</summary>
    public QueueTotals MeasureQueues()
    {
        Queues.SaveChanged();
        return Counts.MeasureQueues();
    }

    public void Rollback()
    {
        Queues.Forget();
        Batches.Forget();
        Keys.Rollback();
        Database.Rollback();
    }

    /// <summary>Writes something that matters to nobody.</summary>
    public void Check() => _check.Execute();

    /// <summary>Brings what is in the log into the database file, then closes.</summary>
    public void Close()
    {
        try
        {
            Database.Execute("PRAGMA wal_checkpoint(TRUNCATE)");
        }
        finally
        {
            Dispose();
        }
    }

    public void Dispose() => Database.Dispose();
}
