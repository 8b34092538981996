using System.Globalization;
using System.Security.Cryptography;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Relay.Protocol;
using Relay.Server.Agents;
using Relay.Server.Delivery;
using Relay.Server.Storage;
using Relay.Server.Storage.Embedded;
using Relay.Server.Storage.Embedded.Batches;

namespace Relay.Server.Tests.Storage;

/// <summary>What only the embedded store promises: its folder, its file, its start and its end.</summary>
public sealed class EmbeddedStoreTests : IAsyncLifetime
{
    private const string BackToVersion2 = "DROP INDEX batches_ready; DROP INDEX batches_queued; ALTER TABLE batches DROP COLUMN lease; PRAGMA user_version = 2";
    private static readonly DateTimeOffset At = new(2100, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly AcceptTerms Terms = new(TimeSpan.FromMinutes(10), long.MaxValue, long.MaxValue, Lease: null);

    private readonly EmbeddedHarness _harness = EmbeddedHarness.New();
    private readonly RelayId _agent = RelayId.New();

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync() => await _harness.DisposeAsync();

    [Fact]
    public async Task A_second_store_on_the_same_folder_is_refused()
    {
        await _harness.OpenAsync(new DeliveryOptions());

        var refused = Assert.Throws<StoreUnavailableException>(() => EmbeddedHarness.Open(_harness.Folder));

        Assert.Contains(_harness.Folder, refused.Message, StringComparison.Ordinal);
        Assert.Contains("one process at a time", refused.Message, StringComparison.Ordinal);
        await _harness.Store.DisposeAsync();
        await using var next = EmbeddedHarness.Open(_harness.Folder);
    }

    [Fact]
    public async Task The_data_folder_is_made_for_this_user_only()
    {
        await _harness.OpenAsync(new DeliveryOptions());

        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(_harness.Folder));
        }
    }

    [Fact]
    public void A_file_in_place_of_the_folder_is_refused()
    {
        File.WriteAllText(_harness.Folder, "");

        var refused = Assert.Throws<StoreUnavailableException>(() => EmbeddedHarness.Open(_harness.Folder));

        Assert.Contains("Relay:Storage:Path", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_no_database_is_refused()
    {
        Directory.CreateDirectory(_harness.Folder);
        File.WriteAllBytes(_harness.DatabasePath, RandomNumberGenerator.GetBytes(8192));

        AssertRefused("restore it from a backup");
    }

    [Fact]
    public async Task A_damaged_database_is_refused()
    {
        await _harness.OpenAsync(new DeliveryOptions());
        await _harness.Store.DisposeAsync();
        await using (var file = File.OpenWrite(_harness.DatabasePath))
        {
            file.Position = 100;
            file.Write(RandomNumberGenerator.GetBytes(3000));
        }

        AssertRefused("restore it from a backup");
    }

    [Fact]
    public async Task A_database_of_a_newer_relay_is_refused()
    {
        await _harness.OpenAsync(new DeliveryOptions());
        await _harness.Store.DisposeAsync();
        using (var database = new SqliteDatabase(_harness.DatabasePath)) database.Execute("PRAGMA user_version = 99");

        AssertRefused("newer relay (schema 99");
    }

    [Fact]
    public void A_database_of_another_program_is_refused()
    {
        Directory.CreateDirectory(_harness.Folder);
        using (var database = new SqliteDatabase(_harness.DatabasePath)) database.Execute("CREATE TABLE theirs(a)");

        AssertRefused("another program");
    }

    [Fact]
    public async Task The_store_opens_when_the_host_starts_and_closes_when_it_is_disposed()
    {
        using (var host = NewHost())
        {
            await host.StartAsync();
            var accepted = NewEvent();
            await host.Services.GetRequiredService<IDeliveryQueue>().AcceptAsync(accepted, Terms);
            Assert.Null(await host.Services.GetRequiredService<IAgentStore>().FindAsync(_agent, CancellationToken.None));
            Assert.Null(await host.Services.GetRequiredService<IStoreHealth>().CheckAsync(CancellationToken.None));
            Assert.Throws<StoreUnavailableException>(() => EmbeddedHarness.Open(_harness.Folder));
            await host.StopAsync();
        }

        await using var next = EmbeddedHarness.Open(_harness.Folder);
    }

    [Fact]
    public async Task What_cannot_be_opened_stops_the_start_of_the_host()
    {
        Directory.CreateDirectory(_harness.Folder);
        File.WriteAllText(_harness.DatabasePath, new string('x', 5000));
        using var host = NewHost();

        await Assert.ThrowsAsync<StoreUnavailableException>(() => host.StartAsync());
    }

    [Fact]
    public async Task What_was_queued_is_written_before_the_store_closes()
    {
        var queue = (await _harness.OpenAsync(new DeliveryOptions())).Queue;
        var events = Enumerable.Range(0, 2000).Select(_ => NewEvent()).ToArray();
        var accepts = Array.ConvertAll(events, one => queue.AcceptAsync(one, Terms));

        await _harness.Store.DisposeAsync();

        Assert.All(await Task.WhenAll(accepts), result => Assert.Equal(AcceptStatus.Ready, result.Status));
        Assert.False(File.Exists(_harness.DatabasePath + "-wal"));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => queue.AcceptAsync(NewEvent(), Terms));
        await using var next = EmbeddedHarness.Open(_harness.Folder);
        Assert.Equal(2000, (await EmbeddedHarness.Under(next).Queue.ClaimAsync(_agent, SessionId.New(), At)).Unsettled);
    }

    [Fact]
    public async Task An_expired_key_is_deleted_by_pruning()
    {
        var queue = (await _harness.OpenAsync(new DeliveryOptions())).Queue;
        for (var i = 0; i < 1200; i++) _ = queue.AcceptAsync(NewEvent(key: RandomNumberGenerator.GetBytes(16)), Terms);

        await queue.PruneAsync(At.AddMinutes(9));
        Assert.Equal("1200", await CountKeysAsync());
        await queue.PruneAsync(At.AddMinutes(11));
        Assert.Equal("0", await CountKeysAsync());

        Task<string?> CountKeysAsync() => _harness.Store.Writer.RunAsync(tables => tables.Database.QueryText("SELECT count(*) FROM idempotency_recent"));
    }

    [Fact]
    public async Task Events_that_come_together_for_a_connection_are_few_rows_and_none_when_they_are_forgotten()
    {
        var queue = (await _harness.OpenAsync(new DeliveryOptions())).Queue;
        var session = SessionId.New();
        await queue.ClaimAsync(_agent, session, At);
        var ids = new EventIdSource(TimeProvider.System);
        var terms = Terms with { Lease = new Lease(session, At.AddSeconds(30)) };

        var accepted = await Task.WhenAll(Enumerable.Range(0, 400).Select(_ => queue.AcceptAsync(NewEvent() with { Id = ids.Next() }, terms)));

        Assert.All(accepted, static one => Assert.Equal(AcceptStatus.Leased, one.Status));
        Assert.Equal("0", await CountAsync("events"));
        Assert.InRange(int.Parse((await CountAsync("batches"))!, CultureInfo.InvariantCulture), 400 / 32, 100);
        await queue.SettleAsync(_agent, [.. accepted.Select(one => new Settlement(one.Id, SettlementKind.Ack, session, AttemptOutcome.Acked))], At);
        Assert.Equal(400, await queue.PruneAsync(At.AddDays(2)));
        foreach (var table in (string[])["events", "payloads", "batches", "batch_payloads"]) Assert.Equal("0", await CountAsync(table));
    }

    [Fact]
    public async Task A_batch_whose_key_is_taken_becomes_events_of_their_own()
    {
        var queue = (await _harness.OpenAsync(new DeliveryOptions())).Queue;
        var session = SessionId.New();
        await queue.ClaimAsync(_agent, session, At);
        var terms = Terms with { Lease = new Lease(session, At.AddSeconds(30)) };

        // The clock went back before a restart: the first halves of the ids are the same.
        EventId[] ids = [new(new UInt128(7, 1)), new(new UInt128(7, 2)), new(new UInt128(7, 3))];
        foreach (var id in ids)
        {
            Assert.Equal(AcceptStatus.Leased, (await queue.AcceptAsync(NewEvent() with { Id = id }, terms)).Status);
        }

        foreach (var id in ids) Assert.Equal(EventState.Leased, (await queue.FindAsync(_agent, id))!.State);
        var acks = await queue.SettleAsync(_agent, [.. ids.Select(id => new Settlement(id, SettlementKind.Ack, session, AttemptOutcome.Acked))], At);
        Assert.All(acks, static result => Assert.Equal(SettleResult.Settled, result));
        Assert.Equal(0, (await queue.ClaimAsync(_agent, session, At)).Unsettled);
        foreach (var id in ids) Assert.Equal(EventState.Delivered, (await queue.FindAsync(_agent, id))!.State);
    }

    [Fact]
    public async Task So_does_one_of_what_is_ready()
    {
        var queue = (await _harness.OpenAsync(new DeliveryOptions())).Queue;
        EventId[] ids = [.. Enumerable.Range(1, 6).Select(static i => new EventId(new UInt128(7, (ulong)i)))];

        foreach (var two in ids.Chunk(2)) await AcceptTogetherAsync(queue, two, Terms);

        Assert.Equal(("1", "4"), (await CountAsync("batches"), await CountAsync("events")));
        foreach (var id in ids) Assert.Equal(EventState.Ready, (await queue.FindAsync(_agent, id))!.State);
        Assert.Equal(ids.Reverse(), (await queue.ListAsync(_agent, new EventQuery(EventStatus.Queued, Before: null, Limit: 10))).Events.Select(static one => one.Id));
        var session = SessionId.New();
        Assert.Equal(6, (await queue.ClaimAsync(_agent, session, At)).Unsettled);
        var leased = await queue.LeaseAsync(_agent, new LeaseRequest(session, 10, long.MaxValue, At, At.AddSeconds(30)));
        Assert.Equal(ids, leased.Events.Select(static one => one.Id));
        Assert.False(leased.More);
    }

    [Fact]
    public async Task An_event_that_becomes_ready_alone_is_a_row_of_its_own()
    {
        var queue = (await _harness.OpenAsync(new DeliveryOptions())).Queue;

        await queue.AcceptAsync(NewEvent(), Terms);

        Assert.Equal(("0", "1"), (await CountAsync("batches"), await CountAsync("events")));
    }

    [Fact]
    public async Task What_a_commit_of_unknown_outcome_stored_is_not_stored_again()
    {
        var queue = (await _harness.OpenAsync(new DeliveryOptions())).Queue;
        EventId[] ids = [new(new UInt128(1, 1)), new(new UInt128(2, 1))];
        await AcceptTogetherAsync(queue, ids, Terms);

        foreach (var id in ids)
        {
            await Assert.ThrowsAsync<StoreUnavailableException>(() => _harness.Store.Writer.RunAsync(tables =>
            {
                tables.Commit();
                tables.Begin(again: true);
                return tables.Accept(NewEvent() with { Id = id }, Terms);
            }));
        }

        Assert.Equal(2, (await queue.ClaimAsync(_agent, SessionId.New(), At)).Unsettled);
        Assert.Equal(2, (await queue.ListAsync(_agent, new EventQuery(Status: null, Before: null, Limit: 10))).Events.Count);
    }

    [Fact]
    public async Task Who_reads_beside_the_writer_does_not_make_it_fail()
    {
        var queue = (await _harness.OpenAsync(new DeliveryOptions())).Queue;
        using var ends = new CancellationTokenSource();
        var others = Enumerable.Range(0, 2).Select(_ => Task.Run(() =>
        {
            using var other = new SqliteDatabase(_harness.DatabasePath);
            using var look = other.PrepareOnce("SELECT MAX(number) FROM queues");
            while (!ends.IsCancellationRequested)
            {
                look.Step();
                look.Reset();
            }
        })).ToArray();

        // Each begins with a look at its queue, and then writes.
        for (var i = 0; i < 2000; i++)
        {
            await queue.ClaimAsync(RelayId.New(), SessionId.New(), At);
        }

        await ends.CancelAsync();
        await Task.WhenAll(others);
    }

    [Fact]
    public async Task Pages_and_expiry_see_batches_whose_ids_lie_between_each_others()
    {
        var queue = (await _harness.OpenAsync(new DeliveryOptions())).Queue;
        EventId[] ids = [.. Enumerable.Range(0, 7).Select(static i => new EventId(new UInt128((ulong)i, 1)))];
        await AcceptTogetherAsync(queue, [ids[1], ids[3], ids[5]], Terms);
        await AcceptTogetherAsync(queue, [ids[2], ids[4], ids[6]], Terms);

        Assert.Equal([ids[6], ids[5]], await ListAsync(before: null));
        Assert.Equal([ids[4], ids[3]], await ListAsync(before: ids[5]));
        Assert.Equal([ids[2], ids[1]], await ListAsync(before: ids[3]));
        var expired = await queue.ExpireAsync(_agent, ids[6], At, limit: 2);
        Assert.Equal([ids[1], ids[2]], expired.Expired);
        Assert.Equal(ids[3], expired.OldestLeft);

        async Task<IEnumerable<EventId>> ListAsync(EventId? before) =>
            (await queue.ListAsync(_agent, new EventQuery(EventStatus.Queued, before, Limit: 2))).Events.Select(static one => one.Id);
    }

    [Fact]
    public async Task What_is_ready_is_read_no_further_than_it_is_asked_for()
    {
        var queue = (await _harness.OpenAsync(new DeliveryOptions())).Queue;
        for (var batch = 1UL; batch <= 5; batch++)
        {
            var key = batch * 2 * EventBatch.MostApart;
            await AcceptTogetherAsync(queue, [new(new UInt128(key, 1)), new(new UInt128(key + 1, 1))], Terms);
        }

        var (newest, oldest) = await _harness.Store.Writer.RunAsync(tables =>
        {
            var (number, afterAll) = (tables.Queues.Find(_agent)!.Number, new EventId(UInt128.MaxValue));
            return (tables.Batches.Ready.Newest(number, afterAll, max: 3).Count, tables.Batches.Ready.Oldest(number, afterAll, max: 3).Count);
        });

        Assert.Equal((2, 2), (newest, oldest));
    }

    [Fact]
    public async Task Who_looks_at_one_queue_ends_no_batch_of_another()
    {
        await _harness.OpenAsync(new DeliveryOptions());
        var other = RelayId.New();

        await _harness.Store.Writer.RunAsync(tables =>
        {
            Accept(_agent, 1);
            Accept(other, 2);
            tables.List(other, new EventQuery(Status: null, Before: null, Limit: 10));
            tables.Settle(other, [new Settlement(new EventId(new UInt128(2, 1)), SettlementKind.Ack, SessionId.New(), AttemptOutcome.Acked)], At);
            return Accept(_agent, 3);

            AcceptResult Accept(RelayId agent, ulong key) => tables.Accept(NewEvent() with { Agent = agent, Id = new EventId(new UInt128(key, 1)) }, Terms);
        });

        Assert.Equal(("1", "1"), (await CountAsync("batches"), await CountAsync("events")));
    }

    [Fact]
    public async Task An_event_of_its_own_ends_no_batch_of_leased_ones()
    {
        var queue = (await _harness.OpenAsync(new DeliveryOptions())).Queue;
        var session = SessionId.New();
        await queue.ClaimAsync(_agent, session, At);
        var terms = Terms with { Lease = new Lease(session, At.AddSeconds(30)) };

        await _harness.Store.Writer.RunAsync(tables =>
        {
            tables.Accept(NewEvent() with { Id = new EventId(new UInt128(1, 1)) }, terms);
            tables.Accept(NewEvent() with { Id = new EventId(new UInt128(2, 1)), ReplyBy = At.AddSeconds(5) }, terms);
            return tables.Accept(NewEvent() with { Id = new EventId(new UInt128(3, 1)) }, terms);
        });

        Assert.Equal(("1", "1"), (await CountAsync("batches"), await CountAsync("events")));
    }

    [Fact]
    public async Task A_database_of_version_2_has_its_batches()
    {
        var queue = (await _harness.OpenAsync(new DeliveryOptions())).Queue;
        var session = SessionId.New();
        await queue.ClaimAsync(_agent, session, At);
        EventId[] ids = [.. Enumerable.Range(1, 6).Select(static i => new EventId(new UInt128((ulong)i, 1)))];
        foreach (var two in ids.Chunk(2)) await AcceptTogetherAsync(queue, two, Terms with { Lease = new Lease(session, At.AddSeconds(30)) });
        await queue.SettleAsync(_agent, [.. ids[..3].Select(id => new Settlement(id, SettlementKind.Ack, session, AttemptOutcome.Acked))], At);
        Assert.Equal("3", await CountAsync("batches"));
        await _harness.Store.DisposeAsync();
        using (var database = new SqliteDatabase(_harness.DatabasePath)) database.Execute(BackToVersion2);

        await using var next = EmbeddedHarness.Open(_harness.Folder);
        queue = EmbeddedHarness.Under(next).Queue;
        foreach (var id in ids[..3]) Assert.Equal(EventState.Delivered, (await queue.FindAsync(_agent, id))!.State);
        foreach (var id in ids[3..]) Assert.Equal(EventState.Leased, (await queue.FindAsync(_agent, id))!.State);
        var leased = await queue.LeaseAsync(_agent, new LeaseRequest(session, 10, long.MaxValue, At.AddSeconds(30), At.AddSeconds(60)));
        Assert.Equal(ids[3..], leased.Events.Select(static one => one.Id));
        Assert.All(leased.Events, static one => Assert.Equal(2, one.Attempt));
    }

    [Theory]
    [InlineData("DROP TABLE batches; DROP TABLE batch_payloads; PRAGMA user_version = 1")]
    [InlineData(BackToVersion2)]
    public async Task A_database_of_a_version_before_has_its_events(string goBack)
    {
        var queue = (await _harness.OpenAsync(new DeliveryOptions())).Queue;
        var waiting = NewEvent() with { OrderingKey = new byte[16] };
        await queue.AcceptAsync(waiting, Terms);
        await _harness.Store.DisposeAsync();
        using (var database = new SqliteDatabase(_harness.DatabasePath)) database.Execute(goBack);

        await using var next = EmbeddedHarness.Open(_harness.Folder);
        var session = SessionId.New();
        var opened = EmbeddedHarness.Under(next).Queue;
        var accepted = NewEvent();
        await opened.AcceptAsync(accepted, Terms);
        await opened.ClaimAsync(_agent, session, At);
        var leased = await opened.LeaseAsync(_agent, new LeaseRequest(session, 10, long.MaxValue, At, At.AddSeconds(30)));
        Assert.Equal([waiting.Id, accepted.Id], leased.Events.Select(static one => one.Id));
        Assert.Equal("3", await next.Writer.RunAsync(static tables => tables.Database.QueryText("PRAGMA user_version")));
    }

    /// <summary>In one transaction.</summary>
    private async Task AcceptTogetherAsync(IDeliveryQueue queue, EventId[] ids, AcceptTerms terms)
    {
        using var begins = new ManualResetEventSlim();
        var before = _harness.Store.Writer.RunAsync(_ =>
        {
            begins.Wait();
            return true;
        });
        var accepted = ids.Select(id => queue.AcceptAsync(NewEvent() with { Id = id }, terms)).ToArray();
        begins.Set();
        await Task.WhenAll([before, .. accepted]);
    }

    private Task<string?> CountAsync(string table) => _harness.Store.Writer.RunAsync(tables => tables.Database.QueryText($"SELECT count(*) FROM {table}"));

    private NewEvent NewEvent(byte[]? key = null) =>
        new(EventId.FromBytes(RandomNumberGenerator.GetBytes(16)), _agent, At, "{}"u8.ToArray(), "body"u8.ToArray(), key);

    private void AssertRefused(string because)
    {
        var refused = Assert.Throws<StoreUnavailableException>(() => EmbeddedHarness.Open(_harness.Folder));
        Assert.Contains(_harness.DatabasePath, refused.Message, StringComparison.Ordinal);
        Assert.Contains(because, refused.Message, StringComparison.Ordinal);
    }

    private IHost NewHost()
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Services.AddLogging().AddOptions();
        builder.Services.AddSingleton(Options.Create(new StorageOptions { Path = _harness.Folder }));
        builder.Services.AddSingleton(TimeProvider.System).AddSingleton<SenderWaits>();
        builder.Services.AddEmbeddedStore();
        return builder.Build();
    }
}
