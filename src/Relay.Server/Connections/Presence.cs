using Relay.Protocol;
using Relay.Server.Operations;
using Relay.Server.Storage;

namespace Relay.Server.Connections;

/// <summary>
/// Tells other nodes whom this one serves, again every <see cref="RenewInterval"/>: so it comes back by itself after whatever happened to the
/// store, and ends by itself when the node dies. An idle agent costs one small pipelined call each time.
/// </summary>
internal sealed partial class Presence(IPresenceStore store, ConnectionRegistry registry, ConnectionSeats seats, TimeProvider time, ILogger<Presence> logger) : BackgroundService, IPresence
{
    public static readonly TimeSpan Lifetime = TimeSpan.FromSeconds(60);
    public static readonly TimeSpan RenewInterval = TimeSpan.FromSeconds(15);

    /// <summary>Renewed at once; between them others' calls have their turn.</summary>
    private const int MaxBatch = 256;

    private bool _isFailing;

    public async ValueTask<bool> IsConnectedAsync(RelayId agent) =>
        registry.IsConnected(agent) || await store.IsAnnouncedAsync(agent, time.GetUtcNow());

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => time.RepeatAsync(RenewInterval, RenewAsync, stoppingToken);

    private async Task RenewAsync()
    {
        try
        {
            foreach (var batch in registry.Agents.Chunk(MaxBatch))
            {
                await Task.WhenAll(batch.Select(registry.AnnounceAsync));
            }

            await seats.RenewAsync();
            _isFailing = false;
        }
        catch (Exception exception)
        {
            if (!_isFailing)
            {
                NotRenewed(logger, exception is StoreUnavailableException ? exception.Message : exception.ToString());
            }

            _isFailing = true;
        }
    }

    [LoggerMessage(1221, LogLevel.Information, "Other nodes could not be told whom this one serves; it is tried again: {Cause}")]
    private static partial void NotRenewed(ILogger logger, string cause);
}
