namespace Relay.Server.Operations.Statistics;

/// <summary>Measures the queues for all who ask together, and at most once in <see cref="MaxAge"/>: it costs something for each agent. Any thread.</summary>
internal sealed class QueueMeter(IStatisticsStore store, TimeProvider time)
{
    private static readonly TimeSpan MaxAge = TimeSpan.FromSeconds(5);
    private readonly Lock _gate = new();
    private Task<QueueTotals>? _measuring;
    private long _since;

    public Task<QueueTotals> MeasureAsync()
    {
        lock (_gate)
        {
            if (_measuring is null || _measuring.IsFaulted || (_measuring.IsCompleted && time.GetElapsedTime(_since) > MaxAge))
            {
                _since = time.GetTimestamp();
                _measuring = store.MeasureQueuesAsync();
            }

            return _measuring;
        }
    }
}
