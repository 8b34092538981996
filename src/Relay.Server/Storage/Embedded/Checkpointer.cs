using Microsoft.Win32.SafeHandles;

namespace Relay.Server.Storage.Embedded;

/// <summary>
/// Brings SQLite's log into the database file beside the writer. SQLite alone does it within a commit, and for as long nothing is stored:
/// tens of milliseconds for many agents, hundreds for large bodies. Here a connection of its own moves it in passes, each of which leaves
/// what was written meanwhile; when that is little, the writer moves the rest between two commits, and the log begins anew.
/// Committed: the writer's thread. Dispose: when the writer has ended.
/// </summary>
/// <remarks>
/// No pass begins while all of the log is in the file: the writer may then begin the log anew under it, which SQLite before 3.51.3 does not
/// notice (https://www.sqlite.org/wal.html#walresetbug). So the writer alone begins them, after a commit that began when no pass ran; what
/// that one wrote is in no file, and keeps the log until the pass has ended.
/// </remarks>
internal sealed partial class Checkpointer : IDisposable
{
    /// <summary>The log is moved when it has as many pages of 4 KiB: a page that is written again and again is moved once.</summary>
    public const int DefaultFirstPages = 16_384;

    /// <summary>What the writer moves: a millisecond or two.</summary>
    private const int RestPages = 512;

    /// <summary>When the log is as long the writer waits, and then moves the rest, however much it is.</summary>
    private const int MostPages = 65_536;

    /// <summary>After it could not be moved.</summary>
    private const int PagesUntilRetry = 1024;

    private static readonly TimeSpan LongestWait = TimeSpan.FromMilliseconds(50);

    private readonly string _path;
    private readonly ILogger _logger;
    private readonly int _firstPages;
    private readonly Action<string> _end;
    private readonly AutoResetEvent _begin = new(initialState: false);
    private readonly AutoResetEvent _passed = new(initialState: false);
    private readonly Thread _thread;
    private SqliteDatabase? _database;
    private SafeFileHandle? _file;
    private volatile Phase _phase;
    private volatile bool _stopping;

    // The writer's. What a process that was killed has left in the log is not counted: the first commit has it moved.
    private long _inLog;
    private long _beginAt;
    private long _inPass;
    private long _sincePass;

    /// <param name="path">Of the database file; it need not exist yet.</param>
    /// <param name="logger">Of the store.</param>
    /// <param name="firstPages">See <see cref="DefaultFirstPages"/>.</param>
    /// <param name="end">Ends the process and closes nothing.</param>
    public Checkpointer(string path, ILogger logger, int firstPages = DefaultFirstPages, Action<string>? end = null)
    {
        _path = path;
        _logger = logger;
        _firstPages = firstPages;
        _end = end ?? Environment.FailFast;
        _thread = new Thread(Run) { IsBackground = true, Name = "relay checkpoints" };
        _thread.Start();
    }

    private enum Phase
    {
        Waiting,
        Passing,

        /// <summary>The pass has ended. It may have moved what the transaction wrote that runs now.</summary>
        Passed,

        /// <summary>It has ended before the transaction began that runs now.</summary>
        PassedBefore,
    }

    /// <summary>After each transaction that wrote something, when its callers have been answered.</summary>
    /// <param name="writer">Its connection.</param>
    /// <param name="took">How long the transaction took.</param>
    public void Committed(SqliteDatabase writer, TimeSpan took)
    {
        var pages = writer.TakePagesWritten();
        _inLog += pages;
        _sincePass += pages;
        switch (_phase)
        {
            case Phase.Waiting when _inLog >= _beginAt:
                Begin();
                break;
            case Phase.Passing:
                WaitForPass(took);
                break;
            case Phase.Passed:
                _phase = Phase.PassedBefore;
                break;
            case Phase.PassedBefore when _sincePass > RestPages && _inLog < MostPages:
                Begin();
                break;
            case Phase.PassedBefore:
                MoveRest(writer);
                _phase = Phase.Waiting;
                break;
        }
    }

    /// <summary>Ends the pass that runs, and begins no other. Before the writer closes: both would move the log.</summary>
    public void Stop()
    {
        if (_stopping) return;
        _stopping = true;
        _begin.Set();
        _thread.Join();
    }

    public void Dispose()
    {
        Stop();

        // Closing any handle of a file ends the locks that SQLite holds on it (fcntl): after all connections.
        _database?.Dispose();
        _file?.Dispose();
        _begin.Dispose();
        _passed.Dispose();
    }

    /// <summary>
    /// Ends the process: the system says once that it could not write what it had taken, and forgets it, while SQLite counts it as moved. The
    /// next start moves all that is in the log. Any thread.
    /// </summary>
    public void Lost(string reason)
    {
        WritesLost(_path, reason);
        _end($"The disk did not write '{_path}': {reason}");
    }

    private void Begin()
    {
        _inPass = _sincePass;
        _sincePass = 0;
        _phase = Phase.Passing;
        _begin.Set();
    }

    /// <summary>
    /// A writer that outruns the pass makes many short waits, each twice as long as its transaction, instead of a long one in the end.
    /// </summary>
    private void WaitForPass(TimeSpan took)
    {
        if (_sincePass > _inPass / 2) _passed.WaitOne((int)Math.Ceiling(Math.Min(2 * took.TotalMilliseconds, LongestWait.TotalMilliseconds)));
        while (_inLog >= MostPages && _phase == Phase.Passing) _passed.WaitOne(LongestWait);
    }

    private void MoveRest(SqliteDatabase writer)
    {
        try
        {
            var (inLog, moved) = writer.Checkpoint();

            // What a reader still needs stays in the log, and so does the log.
            _inLog = inLog - moved;
            _beginAt = _inLog + _firstPages;
        }
        catch (SqliteFault fault)
        {
            Failed(fault);
            _beginAt = _inLog + PagesUntilRetry;
        }

        _sincePass = _inLog;
    }

    private void Run()
    {
        while (_begin.WaitOne() && !_stopping)
        {
            try
            {
                Pass();
            }
            catch (Exception fault)
            {
                Failed(fault);
            }

            _phase = Phase.Passed;
            _passed.Set();
        }
    }

    private void Pass()
    {
        _file ??= File.OpenHandle(_path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        (_database ??= Open()).Checkpoint();
        try
        {
            // SQLite does it only when nothing is left, so the writer would.
            RandomAccess.FlushToDisk(_file);
        }
        catch (Exception fault)
        {
            Lost(fault.Message);
        }
    }

    private SqliteDatabase Open()
    {
        var database = new SqliteDatabase(_path);
        try
        {
            database.Execute("PRAGMA synchronous = FULL");

            // A connection that has read nothing does not know that there is a log, and moves nothing.
            database.QueryText("PRAGMA schema_version");
            return database;
        }
        catch
        {
            database.Dispose();
            throw;
        }
    }

    private void Failed(Exception fault)
    {
        if (fault is SqliteFault { IsLostWrite: true }) Lost(fault.Message);
        else if (fault is not SqliteFault { IsBusy: true }) MovingFailed(fault.Message);
    }

    [LoggerMessage(2004, LogLevel.Warning, "The log of the embedded store could not be brought into its file; nothing is lost, it is tried again. {Reason}")]
    private partial void MovingFailed(string reason);

    [LoggerMessage(2005, LogLevel.Critical, "The disk did not write '{Path}'. The process ends, so that the next start writes it again from the log; nothing is lost if the disk then does. {Reason}")]
    private partial void WritesLost(string path, string reason);
}
