using Relay.Server.Limits;
using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <summary>A hash for each bucket that is not full.</summary>
internal sealed class RedisPermits(RedisLanes lanes, RedisKeys keys) : ISharedPermits
{
    private const int All = -1;

    public async Task<TakenPermits> TakeAsync(LimitKey key, int perMinute, int wanted, DateTimeOffset now)
    {
        var answer = (RedisValue[])(await RunAsync(key, perMinute, wanted, now))!;
        return new TakenPermits((int)answer[0], (long)answer[1], TimeSpan.FromMilliseconds((long)answer[2]));
    }

    public Task DrainAsync(LimitKey key, int perMinute, DateTimeOffset now) => RunAsync(key, perMinute, All, now);

    public Task FillAsync(LimitKey key) => lanes.For(key).ExecuteAsync(database => database.KeyDeleteAsync(keys.Permits(key)), CancellationToken.None);

    private Task<RedisResult> RunAsync(LimitKey key, int perMinute, int wanted, DateTimeOffset now) => lanes.For(key).RunAsync(
        RedisScript.TakePermits, keys.Limit(key), now.ToUnixTimeMilliseconds(), perMinute, wanted, (long)ISharedPermits.HeldFor.TotalMilliseconds);
}
