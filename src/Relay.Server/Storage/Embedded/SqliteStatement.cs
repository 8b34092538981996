using SQLitePCL;

namespace Relay.Server.Storage.Embedded;

/// <summary>A prepared statement, used again and again: bind every parameter, then step. Not thread-safe.</summary>
internal sealed class SqliteStatement(SqliteDatabase database, sqlite3_stmt handle) : IDisposable
{
    public SqliteStatement Bind(int index, long value)
    {
        database.Check(raw.sqlite3_bind_int64(handle, index, value));
        return this;
    }

    public SqliteStatement Bind(int index, string? value)
    {
        database.Check(value is null ? raw.sqlite3_bind_null(handle, index) : raw.sqlite3_bind_text(handle, index, value));
        return this;
    }

    /// <summary>SQLite copies the bytes.</summary>
    public SqliteStatement BindBlob(int index, ReadOnlySpan<byte> value)
    {
        // An empty span has no address, which SQLite would take for NULL.
        database.Check(value.IsEmpty ? raw.sqlite3_bind_zeroblob(handle, index, 0) : raw.sqlite3_bind_blob(handle, index, value));
        return this;
    }

    public SqliteStatement BindBlobOrNull(int index, byte[]? value)
    {
        if (value is not null) return BindBlob(index, value);
        database.Check(raw.sqlite3_bind_null(handle, index));
        return this;
    }

    public SqliteStatement BindOrNull(int index, long? value)
    {
        if (value is { } number) return Bind(index, number);
        database.Check(raw.sqlite3_bind_null(handle, index));
        return this;
    }

    /// <summary>Text that is UTF-8 already; empty is NULL.</summary>
    public SqliteStatement BindUtf8(int index, ReadOnlySpan<byte> value)
    {
        database.Check(value.IsEmpty ? raw.sqlite3_bind_null(handle, index) : raw.sqlite3_bind_text(handle, index, value));
        return this;
    }

    /// <summary>Goes to the next row. After the last one, and after a fault, the statement can be bound again; before that, <see cref="Reset"/> it.</summary>
    public bool Step()
    {
        var code = raw.sqlite3_step(handle);
        if (code == raw.SQLITE_ROW) return true;
        if (code != raw.SQLITE_DONE)
        {
            try
            {
                database.Check(code);
            }
            finally
            {
                Reset();
            }
        }

        Reset();
        return false;
    }

    /// <summary>Runs a statement that answers no row.</summary>
    public void Execute() => _ = Step();

    public long Number(int column) => raw.sqlite3_column_int64(handle, column);

    public bool IsNull(int column) => raw.sqlite3_column_type(handle, column) == raw.SQLITE_NULL;

    public string? Text(int column) => raw.sqlite3_column_text(handle, column).utf8_to_string();

    /// <summary>Good until the next step or reset.</summary>
    public ReadOnlySpan<byte> Blob(int column) => raw.sqlite3_column_blob(handle, column);

    public void Reset() => _ = raw.sqlite3_reset(handle);

    public void Dispose() => handle.Dispose();
}
