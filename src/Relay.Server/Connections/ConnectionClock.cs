using Relay.Server.Operations;

namespace Relay.Server.Connections;

/// <summary>
/// The one timer of all connections: heartbeats, deadlines, leases, what came due. An idle connection has no timer and no task of its
/// own. Also begins the drain when the server shuts down.
/// </summary>
internal sealed class ConnectionClock(ConnectionRegistry registry, TimingWheel wheel, IHostApplicationLifetime lifetime, TimeProvider time) : BackgroundService
{
    private static readonly TimeSpan MinReconnect = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan ReconnectSpread = TimeSpan.FromMilliseconds(1500);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await using var stopping = lifetime.ApplicationStopping.Register(DrainAll);
        await time.RepeatAsync(TimingWheel.Step, Advance, stoppingToken);

        Task Advance()
        {
            wheel.Advance();
            return Task.CompletedTask;
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
}
