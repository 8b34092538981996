namespace Relay.Server.Storage.Redis;

/// <summary>
/// Connects at start and keeps the connections alive. The server starts without Redis too: it is then not ready until Redis comes.
/// </summary>
internal sealed class RedisSupervisor(
    RedisLanes lanes, RedisConnector connector, RedisSettingsCheck settings, TimeProvider time, ILogger<LaneWatch> logger) : BackgroundService
{
    private readonly LaneWatch[] _watches =
        [.. lanes.All.Select((lane, number) => new LaneWatch(lane, number, connector, settings, time, logger))];

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await Task.WhenAll(_watches.Select(watch => watch.StartAsync(cancellationToken)));
        await base.StartAsync(cancellationToken);
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(_watches.Select(watch => watch.RunAsync(stoppingToken)));
}
