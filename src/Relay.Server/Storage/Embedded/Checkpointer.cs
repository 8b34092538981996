using System.Diagnostics;
using Microsoft.Win32.SafeHandles;

namespace Relay.Server.Storage.Embedded;

/// <summary>
/// Brings SQLite's log into the database file beside the writer. SQLite alone does it within a commit, and for as long nothing is stored:
/// tens of milliseconds for many agents, hundreds for large bodies. Here a connection of its own moves it in passes, each of which leaves
/// what was written meanwhile; when that is little, the writer moves the rest between two commits, and the log begins anew.
/// Committed: the writer's thread. DisposeAsync: when the writer has ended.
/// </summary>
internal sealed partial class Checkpointer : IAsyncDisposable
{
    /// <summary>The log is moved when it has as many pages of 4 KiB. Keys, which are random, dirty many pages again and again: each is moved once.</summary>
    public const int DefaultFirstPages = 16_384;

    /// <summary>What the writer moves: a millisecond or two.</summary>
    private const int RestPages = 512;

    /// <summary>However much is left: the writer moves the log when it is as long.</summary>
    private const int MostPages = 65_536;

    private static readonly TimeSpan LongestWait = TimeSpan.FromMilliseconds(50);

    private readonly string _path;
    private readonly ILogger _logger;
    private readonly int _firstPages;
    private readonly AutoResetEvent _begin = new(initialState: false);
    private readonly AutoResetEvent _passed = new(initialState: false);
    private Thread? _thread;
    private SqliteDatabase? _database;
    private SafeFileHandle? _file;

    /// <summary>Pages. Only the writer writes it. What a process that was killed has left is not known: the first commit has it moved.</summary>
    private long _inLog;

    /// <summary>A log longer than this grows faster than it is moved.</summary>
    private long _outrun;

    private long _committedAt;
    private volatile Phase _phase;
    private volatile bool _stopping;

    /// <param name="path">Of the database file; it need not exist yet.</param>
    /// <param name="logger">Of the store.</param>
    /// <param name="firstPages">See <see cref="DefaultFirstPages"/>.</param>
    public Checkpointer(string path, ILogger logger, int firstPages = DefaultFirstPages)
    {
        _path = path;
        _logger = logger;
        _firstPages = firstPages;
        _inLog = firstPages;
    }

    private enum Phase
    {
        Waiting,
        Passing,
        RestLeft,
    }

    /// <summary>After each transaction, when its callers have been answered.</summary>
    public void Committed(SqliteDatabase writer)
    {
        Volatile.Write(ref _inLog, _inLog + writer.TakePagesWritten());
        switch (_phase)
        {
            case Phase.Waiting when _inLog >= _firstPages:
                _phase = Phase.Passing;
                Begin();
                break;
            case Phase.Passing when _inLog > Volatile.Read(ref _outrun):
                WaitForPass();
                break;
            case Phase.RestLeft:
                MoveRest(writer);
                _phase = Phase.Waiting;
                break;
        }

        _committedAt = Stopwatch.GetTimestamp();
    }

    public async ValueTask DisposeAsync()
    {
        if (_stopping) return;
        _stopping = true;
        _begin.Set();
        if (_thread is not null) await Task.Run(_thread.Join);
        _database?.Dispose();
        _file?.Dispose();
        _begin.Dispose();
        _passed.Dispose();
    }

    private void Begin()
    {
        if (_thread is null)
        {
            _thread = new Thread(Run) { IsBackground = true, Name = "relay embedded checkpoints" };
            _thread.Start();
        }

        _begin.Set();
    }

    /// <summary>Many short waits, twice as long as what was written took, instead of a long one in the end.</summary>
    private void WaitForPass()
    {
        var wait = 2 * Stopwatch.GetElapsedTime(_committedAt);
        _passed.WaitOne(wait < LongestWait ? wait : LongestWait);
    }

    private void MoveRest(SqliteDatabase writer)
    {
        try
        {
            // What a reader still needs stays in the log, and so does the log.
            var (inLog, moved) = writer.Checkpoint();
            _inLog = inLog - moved;
        }
        catch (SqliteFault fault)
        {
            MovingFailed(fault.Message);
            _inLog = 0;
        }
    }

    private void Run()
    {
        while (_begin.WaitOne() && !_stopping)
        {
            try
            {
                Pass();
            }
            catch (Exception fault) when (fault is SqliteFault or IOException or UnauthorizedAccessException)
            {
                MovingFailed(fault.Message);
            }

            _phase = Phase.RestLeft;
        }
    }

    private void Pass()
    {
        // Closed after all connections: closing any handle of a file ends the locks that SQLite holds on it (fcntl).
        _file ??= File.OpenHandle(_path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        _database ??= Open();
        var rest = Volatile.Read(ref _inLog);
        do
        {
            var before = Volatile.Read(ref _inLog);
            Volatile.Write(ref _outrun, before + (rest / 2));
            _database.Checkpoint();

            // SQLite does it only when nothing is left, so the writer would.
            RandomAccess.FlushToDisk(_file);
            rest = Volatile.Read(ref _inLog) - before;
            _passed.Set();
        }
        while (rest > RestPages && Volatile.Read(ref _inLog) < MostPages && !_stopping);
    }

    private SqliteDatabase Open()
    {
        var database = new SqliteDatabase(_path);
        database.Execute("PRAGMA synchronous = FULL");

        // A connection that has read nothing does not know that there is a log, and moves nothing.
        database.QueryText("PRAGMA schema_version");
        return database;
    }

    [LoggerMessage(2004, LogLevel.Warning, "The log of the embedded store could not be brought into its file; nothing is lost, it is tried again. {Reason}")]
    private partial void MovingFailed(string reason);
}
