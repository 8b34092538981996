using System.Threading.RateLimiting;

namespace Relay.Server.Limits;

/// <summary>For one process. Buckets that are full and idle are forgotten. Any thread.</summary>
internal sealed class LocalRateLimiter : IRateLimiter, IDisposable
{
    private readonly PartitionedRateLimiter<(LimitKey Key, int PerMinute)> _buckets =
        PartitionedRateLimiter.Create<(LimitKey Key, int PerMinute), (LimitKey Key, int PerMinute)>(static key => RateLimitPartition.GetTokenBucketLimiter(
            key,
            static key => new TokenBucketRateLimiterOptions
            {
                TokenLimit = key.PerMinute,
                TokensPerPeriod = 1,
                ReplenishmentPeriod = TimeSpan.FromMinutes(1) / key.PerMinute,
                QueueLimit = 0,
            }));

    public ValueTask<Permit> TakeAsync(LimitKey key, int perMinute)
    {
        var bucket = (key, perMinute);
        using var lease = _buckets.AttemptAcquire(bucket);
        return new ValueTask<Permit>(lease.IsAcquired
            ? new Permit(true, _buckets.GetStatistics(bucket)?.CurrentAvailablePermits ?? 0, TimeSpan.Zero)
            : new Permit(false, 0, TimeSpan.FromMinutes(1) / perMinute));
    }

    public void Dispose() => _buckets.Dispose();
}
