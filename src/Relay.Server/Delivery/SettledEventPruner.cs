using Relay.Server.Operations;
using Relay.Server.Storage;

namespace Relay.Server.Delivery;

/// <summary>Makes the store forget settled events whose time is over, once a minute.</summary>
internal sealed partial class SettledEventPruner(IDeliveryQueue queue, TimeProvider time, ILogger<SettledEventPruner> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => time.RepeatAsync(Interval, () => PruneAsync(stoppingToken), stoppingToken);

    private async Task PruneAsync(CancellationToken stoppingToken)
    {
        try
        {
            // In bounded batches, until one finds nothing.
            while (!stoppingToken.IsCancellationRequested && await queue.PruneAsync(time.GetUtcNow()) > 0)
            {
            }
        }
        catch (Exception exception)
        {
            // Whatever it is: the next time is tried, and the server goes on.
            NotPruned(logger, exception is StoreUnavailableException ? exception.Message : exception.ToString());
        }
    }

    [LoggerMessage(1121, LogLevel.Warning, "Settled events could not be pruned; it is tried again in a minute: {Cause}")]
    private static partial void NotPruned(ILogger logger, string cause);
}
