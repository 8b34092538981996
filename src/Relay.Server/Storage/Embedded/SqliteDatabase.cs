using SQLitePCL;

namespace Relay.Server.Storage.Embedded;

/// <summary>
/// One SQLite connection: the few calls that the store needs, on spans and without the costs of ADO.NET. Not thread-safe.
/// Disposing it rolls back what was not committed.
/// </summary>
internal sealed class SqliteDatabase : IDisposable
{
    /// <summary>SQLITE_DBCONFIG_ENABLE_QPSG.</summary>
    private const int QueryPlannerStability = 1007;

    /// <summary>SQLITE_DBSTATUS_CACHE_WRITE.</summary>
    private const int PagesWritten = 9;

    private readonly List<SqliteStatement> _statements = [];
    private readonly sqlite3 _connection;

    static SqliteDatabase() => Batteries_V2.Init();

    public SqliteDatabase(string path)
    {
        Path = path;
        const int Flags = raw.SQLITE_OPEN_READWRITE | raw.SQLITE_OPEN_CREATE | raw.SQLITE_OPEN_NOMUTEX;
        var code = raw.sqlite3_open_v2(path, out _connection, Flags, null);
        try
        {
            Check(code);
            raw.sqlite3_extended_result_codes(_connection, 1);
            raw.sqlite3_busy_timeout(_connection, 5000);

            // Else a statement is planned anew each time that a parameter which decides whether a partial index serves it is bound.
            Check(raw.sqlite3_db_config(_connection, QueryPlannerStability, 1, out _));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public string Path { get; }

    public long LastInsertedRow => raw.sqlite3_last_insert_rowid(_connection);

    /// <summary>Rows that the last statement changed.</summary>
    public int Changes => raw.sqlite3_changes(_connection);

    /// <summary>Rows changed since the connection was opened; it may wrap around.</summary>
    public int TotalChanges => raw.sqlite3_total_changes(_connection);

    /// <summary>A statement that lives as long as the connection.</summary>
    public SqliteStatement Prepare(string sql)
    {
        Check(raw.sqlite3_prepare_v3(_connection, sql, raw.SQLITE_PREPARE_PERSISTENT, out var handle));
        var statement = new SqliteStatement(this, handle);
        _statements.Add(statement);
        return statement;
    }

    /// <summary>A statement for its caller to dispose.</summary>
    public SqliteStatement PrepareOnce(string sql)
    {
        Check(raw.sqlite3_prepare_v2(_connection, sql, out var handle));
        return new SqliteStatement(this, handle);
    }

    /// <summary>Runs statements that answer nothing.</summary>
    public void Execute(string sql) => Check(raw.sqlite3_exec(_connection, sql));

    public string? QueryText(string sql)
    {
        using var statement = PrepareOnce(sql);
        return statement.Step() ? statement.Text(0) : null;
    }

    /// <summary>Pages written since it was last asked.</summary>
    public int TakePagesWritten()
    {
        Check(raw.sqlite3_db_status(_connection, PagesWritten, out var pages, out _, 1));
        return pages;
    }

    /// <summary>Brings what it can of the log into the file, and waits for nobody; answers how many pages the log had, and how many of them are in the file.</summary>
    public (int InLog, int Moved) Checkpoint()
    {
        Check(raw.sqlite3_wal_checkpoint_v2(_connection, "main", raw.SQLITE_CHECKPOINT_PASSIVE, out var inLog, out var moved));
        return (inLog, moved);
    }

    public void Rollback()
    {
        foreach (var statement in _statements) statement.Reset();
        if (raw.sqlite3_get_autocommit(_connection) == 0) Execute("ROLLBACK");
    }

    /// <exception cref="SqliteFault"><paramref name="code"/> is not OK.</exception>
    public void Check(int code)
    {
        if (code == raw.SQLITE_OK) return;
        var (extended, error) = _connection.IsInvalid
            ? (code, raw.sqlite3_errstr(code).utf8_to_string())
            : (raw.sqlite3_extended_errcode(_connection), raw.sqlite3_errmsg(_connection).utf8_to_string());
        throw new SqliteFault(Path, extended == raw.SQLITE_OK ? code : extended, error);
    }

    public void Dispose()
    {
        foreach (var statement in _statements) statement.Dispose();
        _connection.Dispose();
    }
}
