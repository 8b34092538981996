using System.Diagnostics;

namespace Relay.Server.Storage.Embedded;

/// <summary>
/// The one writer. Calls that arrive while a commit runs share the next one; each is answered when its commit is on disk. A call that
/// fails is rolled back and takes nobody with it: its group is done again, each call in a transaction of its own.
/// RunAsync: any thread. DisposeAsync: once; drains what was queued.
/// </summary>
internal sealed partial class GroupWriter : IAsyncDisposable
{
    /// <summary>Calls that may wait for the writer; more are refused.</summary>
    public const int MaxPending = 16_384;

    /// <summary>Bytes of events that may wait for the writer; more are refused. What brings none, an ack above all, still is taken.</summary>
    public const long MaxPendingBytes = 256 << 20;

    private const int MaxGroupCalls = 1024;
    private const long MaxGroupBytes = 16 << 20;

    private readonly object _gate = new();
    private readonly Queue<StoreCall> _pending = new();
    private readonly List<StoreCall> _group = new(MaxGroupCalls);
    private readonly Func<EmbeddedTables> _open;
    private readonly Checkpointer _checkpointer;
    private readonly ILogger _logger;
    private readonly Thread _thread;
    private EmbeddedTables? _tables;
    private long _pendingBytes;
    private bool _stopping;
    private bool _failing;
    private long _commits;

    /// <param name="open">Opens the database; called again after a fault that may have spoilt the connection.</param>
    /// <param name="checkpointer">Told of each transaction.</param>
    /// <param name="logger">Of the store.</param>
    public GroupWriter(Func<EmbeddedTables> open, Checkpointer checkpointer, ILogger logger)
    {
        _open = open;
        _checkpointer = checkpointer;
        _logger = logger;
        _tables = open();
        _thread = new Thread(Run) { IsBackground = true, Name = "relay embedded store" };
        _thread.Start();
    }

    /// <summary>Transactions that changed something.</summary>
    public long Commits => Volatile.Read(ref _commits);

    /// <summary>Takes the call's place in the order, then returns; the task ends when what the work wrote is on disk.</summary>
    public Task<T> RunAsync<T>(Func<EmbeddedTables, T> work) => RunAsync(static (tables, work) => work(tables), work, sizeBytes: 0);

    /// <inheritdoc cref="RunAsync{T}(Func{EmbeddedTables, T})"/>
    public Task<T> RunAsync<TArgument, T>(Func<EmbeddedTables, TArgument, T> work, TArgument argument, long sizeBytes)
    {
        var call = new StoreCall<TArgument, T>(work, argument, sizeBytes);
        lock (_gate)
        {
            if (_stopping) return Task.FromException<T>(new StoreUnavailableException("The embedded store is closed."));
            if (_pending.Count == MaxPending)
            {
                return Task.FromException<T>(new StoreUnavailableException($"The embedded store cannot keep up: {MaxPending} calls wait for it."));
            }

            if (sizeBytes > 0 && _pendingBytes + sizeBytes > MaxPendingBytes)
            {
                return Task.FromException<T>(new StoreUnavailableException($"The embedded store cannot keep up: {_pendingBytes >> 20} MiB of events wait for it."));
            }

            _pending.Enqueue(call);
            _pendingBytes += sizeBytes;
            if (_pending.Count == 1) Monitor.Pulse(_gate);
        }

        return call.Task;
    }

    public async ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            _stopping = true;
            Monitor.Pulse(_gate);
        }

        await Task.Run(_thread.Join);
    }

    private void Run()
    {
        while (Take(wait: true) is { } first)
        {
            _group.Add(first);
            if (Try(_group, takeMore: true) is { } fault)
            {
                if (_group.Count == 1) first.Fail(fault);
                else RunEachAlone();
            }

            _group.Clear();
        }

        _checkpointer.Stop();
        try
        {
            _tables?.Close();
        }
        catch (SqliteFault fault)
        {
            if (fault.IsLostWrite) _checkpointer.Lost(fault.Message);
            CloseFailed(fault.Message);
        }
    }

    private void RunEachAlone()
    {
        foreach (var call in _group)
        {
            if (Try([call], takeMore: false) is { } fault) call.Fail(fault);
        }
    }

    /// <summary>Runs the calls in one transaction and answers them, or changes nothing and returns what was wrong.</summary>
    private Exception? Try(List<StoreCall> group, bool takeMore)
    {
        var began = Stopwatch.GetTimestamp();
        EmbeddedTables tables;
        bool wrote;
        try
        {
            tables = _tables ??= _open();
            tables.Begin(again: !takeMore);
            var sizeBytes = 0L;
            for (var i = 0; i < group.Count; i++)
            {
                group[i].Execute(tables);
                sizeBytes += group[i].SizeBytes;
                if (takeMore && i + 1 == group.Count && i + 1 < MaxGroupCalls && sizeBytes < MaxGroupBytes && Take(wait: false) is { } next)
                {
                    group.Add(next);
                }
            }

            wrote = tables.Commit();
            if (wrote) Committed();
        }
        catch (Exception fault)
        {
            Recover(fault);
            return fault;
        }

        foreach (var call in group) call.Complete();
        if (wrote) _checkpointer.Committed(tables.Database, Stopwatch.GetElapsedTime(began));
        return null;
    }

    private void Committed()
    {
        _commits++;
        if (!_failing) return;
        _failing = false;
        WritesWorkAgain();
    }

    private void Recover(Exception fault)
    {
        if (!_failing && fault is StoreUnavailableException or SqliteFault { IsTheCallsOwn: false })
        {
            _failing = true;
            WritesFail(fault.Message);
        }

        try
        {
            _tables?.Rollback();
            if (fault is not SqliteFault { NeedsNewConnection: true }) return;
        }
        catch (SqliteFault)
        {
            // The connection is closed below, which rolls back too.
        }

        _tables?.Dispose();
        _tables = null;
    }

    /// <summary>The next call; null when none is there, or, if it waits, when the writer stops and none is left.</summary>
    private StoreCall? Take(bool wait)
    {
        lock (_gate)
        {
            while (wait && _pending.Count == 0 && !_stopping) Monitor.Wait(_gate);
            if (!_pending.TryDequeue(out var call)) return null;
            _pendingBytes -= call.SizeBytes;
            return call;
        }
    }
}
