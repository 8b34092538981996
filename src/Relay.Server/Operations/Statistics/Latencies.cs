using System.Globalization;

namespace Relay.Server.Operations.Statistics;

/// <summary>
/// Durations in buckets, four to each doubling from 1 ms to 9 hours, so that those of many nodes and hours add up: a percentile is at
/// most 19 % too high.
/// </summary>
internal static class Latencies
{
    public const int Buckets = 101;

    private const int BucketsPerDoubling = 4;

    public static string Name(int bucket) => "ms_" + bucket.ToString(CultureInfo.InvariantCulture);

    public static int BucketOf(TimeSpan duration) => duration.TotalMilliseconds <= 1
        ? 0
        : Math.Min(Buckets - 1, (int)Math.Ceiling(Math.Log2(duration.TotalMilliseconds) * BucketsPerDoubling));

    /// <summary>The longest duration of the bucket, in ms.</summary>
    public static double LongestOf(int bucket) => Math.Round(Math.Pow(2, (double)bucket / BucketsPerDoubling), 1);

    /// <param name="counts">By name.</param>
    /// <param name="part">0 to 1.</param>
    /// <returns>In ms: so much of what was counted took at most that long; null when nothing was counted.</returns>
    public static double? Percentile(IReadOnlyDictionary<string, long> counts, double part)
    {
        var all = Enumerable.Range(0, Buckets).Sum(bucket => counts.GetValueOrDefault(Name(bucket)));
        var (seen, wanted) = (0L, Math.Ceiling(all * part));
        for (var bucket = 0; bucket < Buckets && all > 0; bucket++)
        {
            seen += counts.GetValueOrDefault(Name(bucket));
            if (seen >= wanted)
            {
                return LongestOf(bucket);
            }
        }

        return null;
    }
}
