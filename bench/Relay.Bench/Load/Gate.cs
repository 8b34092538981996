using System.Diagnostics;
using Relay.Bench.Measuring;

namespace Relay.Bench.Load;

/// <summary>Counts only what is done while it is open. Any thread.</summary>
internal sealed class Gate
{
    /// <summary>As long as the runtime takes to compile what is hot as well as it can: a bigger program takes longer than a small one.</summary>
    public static readonly TimeSpan WarmUp = TimeSpan.FromSeconds(10);

    /// <summary>For a load that came after another one, which has warmed up.</summary>
    public static readonly TimeSpan Settling = TimeSpan.FromSeconds(1);

    private readonly Histogram _latency = new();
    private long _count;
    private volatile bool _isOpen;

    public void Done(long began)
    {
        if (_isOpen)
        {
            Interlocked.Increment(ref _count);
            _latency.Add(Stopwatch.GetElapsedTime(began).TotalMicroseconds);
        }
    }

    /// <param name="before">How long the load runs before it is measured.</param>
    /// <param name="duration">How long it is measured.</param>
    /// <param name="running">The load, which ends after the stop.</param>
    /// <param name="stop">Ends it.</param>
    /// <param name="measured">Called at the beginning and at the end of what is measured.</param>
    public async Task<LoadResult> MeasureAsync(TimeSpan before, TimeSpan duration, Task[] running, CancellationTokenSource stop, Action measured)
    {
        await PassAsync(before);
        measured();
        _isOpen = true;
        var began = Stopwatch.GetTimestamp();
        await PassAsync(duration);
        var (count, seconds) = (Interlocked.Read(ref _count), Stopwatch.GetElapsedTime(began).TotalSeconds);
        _isOpen = false;
        measured();
        await stop.CancelAsync();
        await Task.WhenAll(running);
        return new LoadResult(count, seconds, _latency);

        async Task PassAsync(TimeSpan time)
        {
            // What fails ends the run.
            if (await Task.WhenAny([Task.Delay(time, TimeProvider.System), .. running]) is { IsFaulted: true } failed)
            {
                await failed;
            }
        }
    }
}
