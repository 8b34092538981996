namespace Relay.Server.Storage.Embedded;

/// <summary>The store's folder, readable by this user only, held by one process at a time.</summary>
internal sealed class LockedFolder : IDisposable
{
    private readonly FileStream _lock;

    /// <exception cref="StoreUnavailableException">The folder cannot be used, or another process uses it.</exception>
    public LockedFolder(string path)
    {
        var folder = Path.GetFullPath(path);
        try
        {
            DataFolder.Ensure(folder);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            throw new StoreUnavailableException($"The data folder '{folder}' (Relay:Storage:Path) cannot be made: {fault.Message}", fault);
        }

        _lock = Lock(folder);
        DatabasePath = Path.Combine(folder, "relay.db");
    }

    public string DatabasePath { get; }

    /// <summary>The lock file stays, so that its removal cannot race with the next process.</summary>
    public void Dispose() => _lock.Dispose();

    private static FileStream Lock(string folder)
    {
        try
        {
            return new FileStream(Path.Combine(folder, "relay.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (UnauthorizedAccessException fault)
        {
            throw new StoreUnavailableException($"This user may not write to the data folder '{folder}' (Relay:Storage:Path).", fault);
        }
        catch (IOException fault)
        {
            throw new StoreUnavailableException(
                $"The data folder '{folder}' (Relay:Storage:Path) is in use by another process or cannot be written: one process at a time may use it ({fault.Message})",
                fault);
        }
    }
}
