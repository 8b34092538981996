using Microsoft.Extensions.Options;
using Relay.Server.Delivery;

namespace Relay.Server.Storage.Embedded;

/// <summary>
/// The data folder and the database in it, open from the constructor until the disposal, which writes what was queued. What the
/// constructor cannot open it refuses with a <see cref="StoreUnavailableException"/> of one sentence.
/// </summary>
internal sealed partial class EmbeddedStore : IAsyncDisposable
{
    private readonly LockedFolder _folder;
    private readonly Checkpointer _checkpointer;

    public EmbeddedStore(IOptions<StorageOptions> storage, IOptions<DeliveryOptions> delivery, ILogger<EmbeddedStore> logger)
    {
        _folder = new LockedFolder(storage.Value.Path);
        _checkpointer = new Checkpointer(_folder.DatabasePath, logger);
        try
        {
            Agents = new AgentReader(_folder.DatabasePath);
            var keys = new RecentKeys();
            Writer = new GroupWriter(() => new EmbeddedTables(_folder.DatabasePath, delivery.Value, keys), _checkpointer, logger);
        }
        catch (Exception fault)
        {
            _checkpointer.Dispose();
            _folder.Dispose();
            if (fault is SqliteFault) throw new StoreUnavailableException(fault.Message, fault);
            throw;
        }

        Opened(logger, _folder.DatabasePath);
    }

    public GroupWriter Writer { get; }

    public AgentReader Agents { get; }

    public Subscriptions Subscriptions { get; } = new();

    public async ValueTask DisposeAsync()
    {
        Agents.Dispose();
        await Writer.DisposeAsync();
        await Task.Run(_checkpointer.Dispose);
        _folder.Dispose();
    }

    [LoggerMessage(2000, LogLevel.Information, "The embedded store is open: {Path}.")]
    private static partial void Opened(ILogger logger, string path);
}
