using SQLitePCL;

namespace Relay.Server.Storage.Embedded;

/// <summary>SQLite refused something. <see cref="Exception.Message"/> is one sentence for an operator; it holds no value of any column.</summary>
internal sealed class SqliteFault(string path, int extendedCode, string error) : Exception(Describe(path, extendedCode & 0xff, error))
{
    /// <summary>The primary result code.</summary>
    public int Code => extendedCode & 0xff;

    /// <summary>Whether what was asked is wrong, and nothing is wrong with the store.</summary>
    public bool IsTheCallsOwn => Code is raw.SQLITE_CONSTRAINT or raw.SQLITE_TOOBIG;

    /// <summary>Whether only a new connection is sure to be sound.</summary>
    public bool NeedsNewConnection => !IsTheCallsOwn && Code != raw.SQLITE_FULL;

    /// <summary>Whether another connection was at it.</summary>
    public bool IsBusy => Code == raw.SQLITE_BUSY;

    /// <summary>Whether the disk did not write what it had taken.</summary>
    public bool IsLostWrite => extendedCode == raw.SQLITE_IOERR_FSYNC;

    private static string Describe(string path, int code, string error) => code switch
    {
        raw.SQLITE_FULL => $"The disk that holds '{path}' is full: {error}.",
        raw.SQLITE_READONLY => $"'{path}' cannot be written: {error}.",
        raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB =>
            $"'{path}' is damaged or is no SQLite database ({error}): restore it from a backup, or move it away to start with an empty store.",
        raw.SQLITE_CANTOPEN => $"'{path}' cannot be opened ({error}): check that it is a file in a folder that this user may write to.",
        _ => $"The embedded store '{path}' failed: {error} (SQLite code {code}).",
    };
}
