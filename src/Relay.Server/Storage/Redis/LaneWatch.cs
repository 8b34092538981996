using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <summary>
/// Keeps one lane connected. The client reconnects by itself, but not always (StackExchange.Redis issues 269, 559, 762): a multiplexer
/// that answered no probe for a while is replaced, and so is one whose server is no primary any more, or whose cluster has another primary
/// for one that is dead: by itself it finds out within a minute.
/// </summary>
internal sealed partial class LaneWatch(
    RedisLane lane, int number, RedisConnector connector, RedisSettingsCheck settings, TimeProvider time, ILogger<LaneWatch> logger)
{
    private static readonly TimeSpan TickPeriod = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan ProbeLimit = TimeSpan.FromSeconds(1);
    private const int TicksPerProbe = 4;
    private const int FailuresBeforeReplacement = 3;

    /// <summary>One answer that comes late is no outage.</summary>
    private const int FailuresBeforeWarning = 2;

    private int _failures;

    /// <summary>What of the trouble is logged; null: there is none.</summary>
    private Service? _said;

    /// <summary>1: signals may have been lost since listeners were last woken.</summary>
    private int _missedSignals;

    /// <summary>Connects if Redis is there now. Never throws.</summary>
    public Task StartAsync(CancellationToken cancellationToken) => LookAfterAsync(cancellationToken);

    public async Task RunAsync(CancellationToken stopping)
    {
        using var timer = new PeriodicTimer(TickPeriod, time);
        var probe = Task.CompletedTask;
        try
        {
            for (var tick = 1; await timer.WaitForNextTickAsync(stopping); tick++)
            {
                lane.Tick();
                if (tick % TicksPerProbe == 0 && probe.IsCompleted)
                {
                    await probe;
                    probe = LookAfterAsync(stopping);
                }
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
        }

        await probe;
        if (lane.Attach(null) is { } last)
        {
            await RedisConnector.CloseAsync(last);
        }
    }

    /// <summary>Never throws.</summary>
    private async Task LookAfterAsync(CancellationToken stopping)
    {
        try
        {
            var used = lane.Multiplexer;
            var service = used is null ? Service.None : await RedisServers.ProbeAsync(used, ProbeLimit, stopping);
            lane.Note(service);
            var isPrimary = !lane.TakeReplicaAnswer() && (service == Service.None || await connector.IsCurrentAsync(used!, stopping));
            if (service == Service.Whole && isPrimary)
            {
                await ResumeAsync(stopping);
                return;
            }

            Volatile.Write(ref _missedSignals, 1);
            _failures++;
            var isCertain = !isPrimary || service == Service.Partial || _failures >= FailuresBeforeWarning;
            if (used is not null && _said != service && isCertain)
            {
                _said = service;
                LogFailing(service);
            }

            if (used is null || !isPrimary || service == Service.Partial || _failures % FailuresBeforeReplacement == 0)
            {
                await ReplaceAsync(mustBeBetter: service != Service.None, stopping);
            }
        }
        catch (Exception) when (stopping.IsCancellationRequested)
        {
        }
        catch (Exception error)
        {
            LogFailed(logger, number, error);
        }
    }

    /// <param name="mustBeBetter">The one in use is kept unless the new one is wholly served: it may serve something.</param>
    /// <param name="stopping">When the server stops.</param>
    private async Task ReplaceAsync(bool mustBeBetter, CancellationToken stopping)
    {
        var began = Environment.TickCount64;
        ConnectionMultiplexer fresh;
        try
        {
            fresh = await connector.ConnectAsync(stopping);
        }
        catch (StoreUnavailableException unavailable)
        {
            if (lane.NoteCause(unavailable.Message))
            {
                LogNotThere(logger, number, unavailable.Message);
            }

            return;
        }

        // The one in use may answer again by now: what is on its way there must not be given up.
        var isBetter = mustBeBetter
            ? RedisServers.IsPrimary(fresh) && await RedisServers.ProbeAsync(fresh, ProbeLimit, stopping) == Service.Whole
            : !lane.HasAnswered(began);
        if (!isBetter)
        {
            await RedisConnector.CloseAsync(fresh);
            return;
        }

        fresh.ConnectionRestored += (_, _) => Volatile.Write(ref _missedSignals, 1);
        var old = lane.Attach(fresh);
        try
        {
            await ResumeAsync(stopping);
        }
        finally
        {
            if (old is not null)
            {
                LogReplaced(logger, number);
                await RedisConnector.CloseAsync(old);
            }
        }
    }

    private void LogFailing(Service service)
    {
        switch (service)
        {
            case Service.None:
                LogLost(logger, number);
                break;
            case Service.Partial:
                LogPartlyLost(logger, number);
                break;
            case Service.Deaf:
                LogDeaf(logger, number);
                break;
            default:
                LogNoPrimary(logger, number);
                break;
        }
    }

    private async Task ResumeAsync(CancellationToken stopping)
    {
        if (Interlocked.Exchange(ref _missedSignals, 0) == 0)
        {
            return;
        }

        try
        {
            await lane.Signals.ResumeAsync();
        }
        catch
        {
            Volatile.Write(ref _missedSignals, 1);
            throw;
        }

        _failures = 0;
        _said = null;
        LogConnected(logger, number);
        await settings.RunAsync(lane, stopping);
    }
}
