namespace Relay.Bench.Measuring;

/// <summary>Durations in µs, in buckets of at most 3 %. Any thread.</summary>
internal sealed class Histogram
{
    private const double Step = 1.03;
    private readonly long[] _counts = new long[800];

    public void Add(double microseconds) =>
        Interlocked.Increment(ref _counts[Math.Clamp((int)(Math.Log(Math.Max(1, microseconds)) / Math.Log(Step)), 0, _counts.Length - 1)]);

    /// <summary>Counts of a histogram with the same buckets that another process has kept.</summary>
    public void Add(int bucket, long count) => Interlocked.Add(ref _counts[bucket], count);

    /// <param name="part">0 to 1.</param>
    /// <returns>In ms.</returns>
    public double Percentile(double part)
    {
        var (wanted, seen) = (_counts.Sum() * part, 0L);
        for (var bucket = 0; bucket < _counts.Length; bucket++)
        {
            seen += _counts[bucket];
            if (seen >= wanted && seen > 0)
            {
                return Math.Pow(Step, bucket + 1) / 1000;
            }
        }

        return double.NaN;
    }
}
