namespace Relay.Server.Connections;

/// <summary>
/// The one timer of all connections: heartbeats, deadlines, leases, what came due. An idle connection has no timer and no task of its
/// own. Also begins the drain when the server shuts down.
/// </summary>
internal sealed partial class ConnectionClock(
    ConnectionRegistry registry, IHostApplicationLifetime lifetime, TimeProvider time, ILogger<ConnectionClock> logger) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan MinReconnect = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan ReconnectSpread = TimeSpan.FromMilliseconds(1500);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await using var stopping = lifetime.ApplicationStopping.Register(DrainAll);
        using var timer = new PeriodicTimer(Interval, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                TickAll();
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
        }
    }

    private void TickAll()
    {
        var now = time.GetUtcNow();
        foreach (var connection in registry.All)
        {
            try
            {
                connection.Tick(now);
            }
            catch (Exception exception)
            {
                TickFailed(logger, exception, connection.Session.Value);
            }
        }
    }

    private void DrainAll()
    {
        foreach (var connection in registry.All)
        {
            // Spread, so that the agents do not come back all at once.
            connection.Drain(StopReason.Shutdown, MinReconnect + (ReconnectSpread * Random.Shared.NextDouble()));
        }
    }

    [LoggerMessage(1211, LogLevel.Error, "The clock of {Session} failed")]
    private static partial void TickFailed(ILogger logger, Exception exception, string session);
}
