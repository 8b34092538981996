using System.Collections.Concurrent;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Storage;
using Relay.Server.Storage.Embedded;

namespace Relay.Server.Tests.Storage;

/// <summary>The writer while much arrives at once, and while the disk fails.</summary>
public sealed class GroupWriterTests : IAsyncLifetime
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);
    private static readonly DateTimeOffset At = new(2100, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly AcceptTerms Terms = new(TimeSpan.FromMinutes(10), long.MaxValue, long.MaxValue, Lease: null);

    private readonly string _folder = Directory.CreateTempSubdirectory("relay-test-").FullName;
    private readonly RecordingLogger _log = new();
    private readonly RelayId _agent = RelayId.New();
    private readonly EmbeddedStore _store;
    private readonly StoreUnderTest _under;

    public GroupWriterTests()
    {
        _store = EmbeddedHarness.Open(_folder, logger: _log);
        _under = EmbeddedHarness.Under(_store);
    }

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await _store.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task What_arrives_while_the_writer_is_busy_shares_one_commit()
    {
        await AcceptAsync();
        var before = _store.Writer.Commits;
        Task<AcceptResult>[] accepts;
        using (HoldWriter()) accepts = [.. Enumerable.Range(0, 500).Select(_ => AcceptAsync())];
        await Task.WhenAll(accepts);

        Assert.Equal(before + 1, _store.Writer.Commits);
    }

    [Fact]
    public async Task Many_concurrent_callers_need_far_fewer_commits_than_calls()
    {
        await Task.WhenAll(Enumerable.Range(0, 64).Select(_ => Task.Run(async () =>
        {
            for (var i = 0; i < 50; i++) await AcceptAsync();
        })));

        Assert.InRange(_store.Writer.Commits, 1, 64 * 50 / 2);
    }

    [Fact]
    public async Task Callers_are_refused_when_too_many_wait()
    {
        List<Task<AcceptResult>> accepts = [];
        using (HoldWriter())
        {
            for (var i = 0; i < GroupWriter.MaxPending; i++) accepts.Add(AcceptAsync());
            await Assert.ThrowsAsync<StoreUnavailableException>(AcceptAsync);
        }

        Assert.All(await Task.WhenAll(accepts), result => Assert.Equal(AcceptStatus.Ready, result.Status));
        Assert.Equal(AcceptStatus.Ready, (await AcceptAsync()).Status);
    }

    [Fact]
    public async Task Events_are_refused_when_too_many_bytes_wait_and_acks_are_not()
    {
        const int Calls = 8;
        List<Task<bool>> events = [];
        Task<bool> ack;
        using (HoldWriter())
        {
            for (var i = 0; i < Calls; i++) events.Add(_store.Writer.RunAsync(static (_, answer) => answer, true, GroupWriter.MaxPendingBytes / Calls));
            await Assert.ThrowsAsync<StoreUnavailableException>(AcceptAsync);
            ack = _store.Writer.RunAsync(static _ => true);
        }

        Assert.All(await Task.WhenAll([.. events, ack]), Assert.True);
        Assert.Equal(AcceptStatus.Ready, (await AcceptAsync()).Status);
    }

    [Fact]
    public async Task A_failing_call_takes_none_of_its_group_with_it()
    {
        var known = NewEvent();
        await _under.Queue.AcceptAsync(known, Terms);
        List<Task<AcceptResult>> good = [];
        Task<AcceptResult> sameId;
        Task<int> broken;
        using (HoldWriter())
        {
            for (var i = 0; i < 20; i++) good.Add(AcceptAsync());
            sameId = _under.Queue.AcceptAsync(known, Terms);
            broken = _store.Writer.RunAsync<int>(_ => throw new InvalidOperationException("mine"));
            for (var i = 0; i < 20; i++) good.Add(AcceptAsync());
        }

        Assert.All(await Task.WhenAll(good), result => Assert.Equal(AcceptStatus.Ready, result.Status));
        Assert.IsType<StoreUnavailableException>(await FaultAsync(sameId));
        Assert.IsType<InvalidOperationException>(await FaultAsync(broken));
        Assert.Equal(41, (await _under.Queue.ClaimAsync(_agent, SessionId.New(), At)).Unsettled);
        Assert.Empty(_log.Problems);
    }

    [Fact]
    public async Task A_full_disk_refuses_what_does_not_fit_and_nothing_else_until_there_is_room()
    {
        var session = SessionId.New();
        await _under.Queue.ClaimAsync(_agent, session, At);
        var accepted = await AcceptAsync();
        await ExecuteAsync("PRAGMA max_page_count = 1");
        var tooMuch = NewEvent(new byte[1 << 20]);

        List<Task> refused = [];
        Task<IReadOnlyList<SettleResult>> settle;
        using (HoldWriter())
        {
            refused.Add(_under.Queue.AcceptAsync(tooMuch, Terms));
            settle = _under.Queue.SettleAsync(_agent, [new Settlement(accepted.Id, SettlementKind.Ack, session, AttemptOutcome.Acked)], At);
            refused.Add(_under.Queue.AcceptAsync(NewEvent(new byte[1 << 20]), Terms));
        }

        foreach (var call in refused)
        {
            var fault = Assert.IsType<StoreUnavailableException>(await FaultAsync(call));
            Assert.Contains("full", fault.Message, StringComparison.Ordinal);
        }

        Assert.Equal([SettleResult.Settled], await settle);
        await ExecuteAsync("PRAGMA max_page_count = 1073741823");
        Assert.Equal(AcceptStatus.Ready, (await _under.Queue.AcceptAsync(tooMuch, Terms)).Status);
        Assert.Equal(1, (await _under.Queue.ClaimAsync(_agent, session, At)).Unsettled);
        Assert.Contains(2001, _log.Problems);
    }

    [Fact]
    public async Task A_store_that_could_not_write_works_again_by_itself()
    {
        await AcceptAsync();
        await ExecuteAsync("PRAGMA query_only = 1");

        var reason = await _under.Health.CheckAsync(CancellationToken.None);
        Assert.Contains("cannot be written", reason, StringComparison.Ordinal);

        Assert.Null(await _under.Health.CheckAsync(CancellationToken.None));
        await AcceptAsync();
        Assert.Equal(2, (await _under.Queue.ClaimAsync(_agent, SessionId.New(), At)).Unsettled);
        Assert.Equal([2001], _log.Problems);
    }

    [Fact]
    public async Task The_callers_code_does_not_run_on_the_writers_thread()
    {
        var writer = await _store.Writer.RunAsync(_ => Environment.CurrentManagedThreadId);
        var caller = await _store.Writer.RunAsync(_ => 0).ContinueWith(
            _ => Environment.CurrentManagedThreadId, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);

        Assert.NotEqual(writer, caller);
    }

    [Fact]
    public async Task A_health_check_ends_when_its_caller_gives_up()
    {
        using var givenUp = new CancellationTokenSource();
        using (HoldWriter())
        {
            var check = _under.Health.CheckAsync(givenUp.Token);
            await givenUp.CancelAsync();
            Assert.NotNull(await check);
        }
    }

    private NewEvent NewEvent(byte[]? body = null) =>
        new(EventId.FromBytes(RandomNumberGenerator.GetBytes(16)), _agent, At, "{}"u8.ToArray(), body, IdempotencyKey: null);

    private Task<AcceptResult> AcceptAsync() => _under.Queue.AcceptAsync(NewEvent(), Terms);

    private static Task<Exception?> FaultAsync(Task call) =>
        call.ContinueWith(ended => ended.Exception?.InnerException, TaskScheduler.Default);

    private Task<bool> ExecuteAsync(string sql) => _store.Writer.RunAsync(tables =>
    {
        tables.Database.Execute(sql);
        return true;
    });

    /// <summary>Keeps the writer in one call until it is disposed: what comes meanwhile joins that call's group.</summary>
    private ManualResetGate HoldWriter()
    {
        var gate = new ManualResetGate();
        _ = _store.Writer.RunAsync(_ => gate.Enter());
        gate.WaitUntilEntered();
        return gate;
    }

    private sealed class ManualResetGate : IDisposable
    {
        private readonly ManualResetEventSlim _entered = new();
        private readonly ManualResetEventSlim _open = new();

        /// <summary>Also when the group is done again.</summary>
        public bool Enter()
        {
            _entered.Set();
            return _open.Wait(Timeout);
        }

        public void WaitUntilEntered() => Assert.True(_entered.Wait(Timeout));

        public void Dispose() => _open.Set();
    }

    private sealed class RecordingLogger : ILogger<EmbeddedStore>
    {
        private readonly ConcurrentQueue<int> _problems = new();

        /// <summary>Ids of what was logged as a warning or worse.</summary>
        public IEnumerable<int> Problems => _problems;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(
            LogLevel logLevel, Microsoft.Extensions.Logging.EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (logLevel >= LogLevel.Warning) _problems.Enqueue(eventId.Id);
        }
    }
}
