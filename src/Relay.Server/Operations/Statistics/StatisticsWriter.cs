using Relay.Server.Storage;

namespace Relay.Server.Operations.Statistics;

/// <summary>Brings what this node counts to the store. A node that dies takes a few seconds of it along.</summary>
internal sealed partial class StatisticsWriter(
    Statistics statistics, IStatisticsStore store, TimeProvider time, ILogger<StatisticsWriter> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);
    private bool _isFailing;

    public static long HourOf(DateTimeOffset time) => time.ToUnixTimeSeconds() / 3600;

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await WriteAsync();
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => time.RepeatAsync(Interval, WriteAsync, stoppingToken);

    /// <summary>Never faults.</summary>
    public async Task WriteAsync()
    {
        var counts = statistics.Take();
        if (counts.Count == 0)
        {
            return;
        }

        try
        {
            await store.AddAsync(HourOf(time.GetUtcNow()), counts);
            _isFailing = false;
        }
        catch (Exception exception)
        {
            // It may have been added all the same: these are figures to look at, not to bill by.
            statistics.Return(counts);
            if (!_isFailing)
            {
                NotStored(logger, exception is StoreUnavailableException ? exception.Message : exception.ToString());
            }

            _isFailing = true;
        }
    }

    [LoggerMessage(1921, LogLevel.Information, "Statistics could not be stored; it is tried again: {Cause}")]
    private static partial void NotStored(ILogger logger, string cause);
}
