namespace Relay.Server.Storage.Embedded;

/// <summary>Reads agents beside the writer, on a connection of its own: a few microseconds, so one at a time and at once. Any thread.</summary>
internal sealed class AgentReader(string databasePath) : IDisposable
{
    private readonly Lock _gate = new();
    private SqliteDatabase? _database;
    private AgentTable? _agents;
    private bool _closed;

    public T Read<T>(Func<AgentTable, T> read)
    {
        lock (_gate)
        {
            if (_closed) throw new StoreUnavailableException("The embedded store is closed.");
            try
            {
                _database ??= new SqliteDatabase(databasePath);
                return read(_agents ??= new AgentTable(_database));
            }
            catch (SqliteFault fault)
            {
                // The next call begins with a new connection.
                Close();
                throw new StoreUnavailableException(fault.Message, fault);
            }
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _closed = true;
            Close();
        }
    }

    private void Close()
    {
        _database?.Dispose();
        (_database, _agents) = (null, null);
    }
}
