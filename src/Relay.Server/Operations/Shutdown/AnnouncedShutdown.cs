using System.Runtime.InteropServices;
using Microsoft.Extensions.Options;

namespace Relay.Server.Operations.Shutdown;

/// <summary>
/// Ends the server on SIGTERM, SIGINT or SIGQUIT, in two steps: it is not ready any more, and a while later it stops. A second signal
/// stops it at once.
/// </summary>
internal sealed partial class AnnouncedShutdown(
    IOptions<ShutdownOptions> options, IHostApplicationLifetime lifetime, TimeProvider time, ILogger<AnnouncedShutdown> logger) : IHostLifetime, IDisposable
{
    private readonly List<PosixSignalRegistration> _signals = [];
    private int _isAnnounced;

    /// <summary>Whether the server is going to stop.</summary>
    public bool IsAnnounced => Volatile.Read(ref _isAnnounced) != 0 || lifetime.ApplicationStopping.IsCancellationRequested;

    public Task WaitForStartAsync(CancellationToken cancellationToken)
    {
        foreach (var signal in (PosixSignal[])[PosixSignal.SIGTERM, PosixSignal.SIGINT, PosixSignal.SIGQUIT])
        {
            _signals.Add(PosixSignalRegistration.Create(signal, context =>
            {
                context.Cancel = true;
                Announce();
            }));
        }

        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public void Dispose() => _signals.ForEach(static signal => signal.Dispose());

    public void Announce()
    {
        var delay = options.Value.ReadinessDelay;
        if (Interlocked.Exchange(ref _isAnnounced, 1) != 0 || delay == TimeSpan.Zero)
        {
            lifetime.StopApplication();
            return;
        }

        StopsSoon(logger, delay.TotalSeconds);
        _ = StopLaterAsync(delay);
    }

    private async Task StopLaterAsync(TimeSpan delay)
    {
        await Task.Delay(delay, time, lifetime.ApplicationStopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        lifetime.StopApplication();
    }

    [LoggerMessage(1911, LogLevel.Information, "Told to end: not ready from now on, and stopping in {Seconds} s")]
    private static partial void StopsSoon(ILogger logger, double seconds);
}
