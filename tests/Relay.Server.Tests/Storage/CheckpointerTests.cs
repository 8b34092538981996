using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Storage.Embedded;
using SQLitePCL;

namespace Relay.Server.Tests.Storage;

/// <summary>The log of the embedded store goes into its file while events are accepted, whatever holds that up.</summary>
public sealed class CheckpointerTests : IDisposable
{
    private const int FirstPages = 64;
    private const int PageBytes = 4096;
    private static readonly DateTimeOffset At = new(2100, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly AcceptTerms Terms = new(TimeSpan.FromMinutes(10), long.MaxValue, long.MaxValue, Lease: null);

    private readonly string _folder = Directory.CreateTempSubdirectory("relay-test-").FullName;
    private readonly RelayId _agent = RelayId.New();

    private string DatabasePath => Path.Combine(_folder, "relay.db");

    private long LogBytes => new FileInfo(DatabasePath + "-wal").Length;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task The_log_stays_short_while_much_is_written()
    {
        const int Events = 4000;
        await using var store = new Store(DatabasePath, DatabasePath);

        await AcceptAsync(store, Events);

        Assert.InRange(LogBytes, 1, Events * 2L * PageBytes);
        Assert.InRange(new FileInfo(DatabasePath).Length, Events * 2L * PageBytes, long.MaxValue);
        Assert.Equal(Events, await CountAsync(store));
        using var database = new SqliteDatabase(DatabasePath);
        Assert.Equal("ok", database.QueryText("PRAGMA integrity_check"));
    }

    [Fact]
    public async Task What_a_reader_holds_up_is_moved_when_it_has_ended()
    {
        const int Events = 1000;
        await using var store = new Store(DatabasePath, DatabasePath);
        await AcceptAsync(store, 1);
        using (var reader = new SqliteDatabase(DatabasePath))
        {
            reader.Execute("BEGIN");
            Assert.Equal("1", reader.QueryText("SELECT SUM(accepted) FROM queues"));

            await AcceptAsync(store, Events);

            Assert.InRange(LogBytes, Events * 2L * PageBytes, long.MaxValue);
            Assert.Equal("1", reader.QueryText("SELECT SUM(accepted) FROM queues"));
        }

        using var observer = new SqliteDatabase(DatabasePath);
        await Eventually.AsyncTrue(async () =>
        {
            await AcceptAsync(store, FirstPages);
            observer.QueryText("SELECT SUM(accepted) FROM queues");
            return PagesInLog(observer) < Events;
        });
    }

    [Fact]
    public async Task Events_are_accepted_although_the_log_cannot_be_moved_beside_them()
    {
        const int Events = 1000;
        await using var store = new Store(DatabasePath, Path.Combine(_folder, "missing", "relay.db"));

        await AcceptAsync(store, Events);

        Assert.Equal(Events, await CountAsync(store));
    }

    [Fact]
    public void A_write_that_the_disk_lost_ends_the_process()
    {
        List<string> ends = [];
        using var checkpointer = new Checkpointer(DatabasePath, NullLogger.Instance, FirstPages, ends.Add);

        checkpointer.Lost("disk I/O error");

        Assert.Contains(DatabasePath, Assert.Single(ends), StringComparison.Ordinal);
        Assert.True(new SqliteFault(DatabasePath, raw.SQLITE_IOERR_FSYNC, "disk I/O error").IsLostWrite);
        Assert.False(new SqliteFault(DatabasePath, raw.SQLITE_IOERR_WRITE, "disk I/O error").IsLostWrite);
    }

    private async Task AcceptAsync(Store store, int events)
    {
        const int Callers = 16;
        var left = events;
        await Task.WhenAll(Enumerable.Range(0, Callers).Select(_ => Task.Run(async () =>
        {
            while (Interlocked.Decrement(ref left) >= 0)
            {
                var accepted = new NewEvent(EventId.FromBytes(RandomNumberGenerator.GetBytes(16)), _agent, At, "{}"u8.ToArray(), new byte[3 * PageBytes], IdempotencyKey: null);
                await store.Writer.RunAsync(tables => tables.Accept(accepted, Terms));
            }
        })));
    }

    private Task<long> CountAsync(Store store) => store.Writer.RunAsync(tables => tables.Queues.Find(_agent)!.Unsettled);

    /// <summary>Very many while another connection moves it.</summary>
    private static int PagesInLog(SqliteDatabase database)
    {
        try
        {
            return database.Checkpoint().InLog;
        }
        catch (SqliteFault fault) when (fault.IsBusy)
        {
            return int.MaxValue;
        }
    }

    private sealed class Store : IAsyncDisposable
    {
        private readonly Checkpointer _checkpointer;

        public Store(string path, string pathOfCheckpointer)
        {
            _checkpointer = new Checkpointer(pathOfCheckpointer, NullLogger.Instance, FirstPages);
            Writer = new GroupWriter(() => new EmbeddedTables(path, new DeliveryOptions(), new RecentKeys()), _checkpointer, NullLogger.Instance);
        }

        public GroupWriter Writer { get; }

        public async ValueTask DisposeAsync()
        {
            await Writer.DisposeAsync();
            _checkpointer.Dispose();
        }
    }
}
