using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <summary>
/// Keeps one lane connected. The client reconnects by itself, but not always (StackExchange.Redis issues 269, 559, 762): a multiplexer
/// that answered no probe for a while is replaced.
/// </summary>
internal sealed partial class LaneWatch(
    RedisLane lane, int number, RedisConnector connector, RedisSettingsCheck settings, TimeProvider time, ILogger<LaneWatch> logger)
{
    private static readonly TimeSpan TickPeriod = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan ProbeLimit = TimeSpan.FromSeconds(1);
    private const int TicksPerProbe = 4;
    private const int FailuresBeforeReplacement = 3;

    private int _failures;

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
            if (await AnswersAsync(stopping))
            {
                lane.Answered();
                await ResumeAsync(stopping);
                return;
            }

            Volatile.Write(ref _missedSignals, 1);
            if (_failures++ == 0 && lane.Multiplexer is not null)
            {
                LogLost(logger, number);
            }

            if (lane.Multiplexer is null || _failures % FailuresBeforeReplacement == 0)
            {
                await ReplaceAsync(stopping);
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

    private async Task<bool> AnswersAsync(CancellationToken stopping)
    {
        if (lane.Multiplexer is not { } multiplexer)
        {
            return false;
        }

        try
        {
            // Two connections: one for calls, one for signals.
            await Task.WhenAll(multiplexer.GetDatabase().PingAsync(), multiplexer.GetSubscriber().PingAsync()).WaitAsync(ProbeLimit, stopping);
            return true;
        }
        catch (Exception error) when (error is RedisException or TimeoutException or ObjectDisposedException)
        {
            return RedisErrors.IsAnswer(error); // A full disk, say, makes it refuse even a PING: another connection would not help.
        }
    }

    private async Task ReplaceAsync(CancellationToken stopping)
    {
        if (await connector.ConnectAsync(stopping) is not { } fresh)
        {
            if (lane.Multiplexer is null && _failures == 1)
            {
                LogNotThere(logger, number);
            }

            return;
        }

        fresh.ConnectionRestored += (_, _) => Volatile.Write(ref _missedSignals, 1);
        var old = lane.Attach(fresh);
        await ResumeAsync(stopping);
        if (old is not null)
        {
            LogReplaced(logger, number);
            await RedisConnector.CloseAsync(old);
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
        LogConnected(logger, number);
        await settings.RunAsync(lane, stopping);
    }
}
