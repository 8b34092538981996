using System.Threading.RateLimiting;
using Relay.Protocol;

namespace Relay.Server.Limits;

/// <summary>For one process. Buckets that are full and idle are forgotten. Any thread.</summary>
internal sealed class LocalWebhookLimiter : IWebhookLimiter, IDisposable
{
    private readonly PartitionedRateLimiter<(RelayId Agent, int PerMinute)> _buckets =
        PartitionedRateLimiter.Create<(RelayId Agent, int PerMinute), (RelayId Agent, int PerMinute)>(static key => RateLimitPartition.GetTokenBucketLimiter(
            key,
            static key => new TokenBucketRateLimiterOptions
            {
                TokenLimit = key.PerMinute,
                TokensPerPeriod = 1,
                ReplenishmentPeriod = TimeSpan.FromMinutes(1) / key.PerMinute,
                QueueLimit = 0,
            }));

    public ValueTask<Permit> TakeAsync(RelayId agent, int perMinute)
    {
        var key = (agent, perMinute);
        using var lease = _buckets.AttemptAcquire(key);
        return new ValueTask<Permit>(lease.IsAcquired
            ? new Permit(true, _buckets.GetStatistics(key)?.CurrentAvailablePermits ?? 0, TimeSpan.Zero)
            : new Permit(false, 0, TimeSpan.FromMinutes(1) / perMinute));
    }

    public void Dispose() => _buckets.Dispose();
}
