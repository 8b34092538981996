using Relay.Server.Limits;
using Relay.Server.Tests.Storage.Redis;

namespace Relay.Server.Tests.Limits;

/// <summary>The buckets in Redis.</summary>
[Collection("redis")]
public sealed class SharedPermitsTests(RedisFixture redis)
{
    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeMilliseconds(1_800_000_000_000);
    private readonly LimitKey _key = LimitKey.Wrong((ulong)Random.Shared.NextInt64());

    [Fact]
    public async Task To_look_takes_nothing_and_leaves_nothing()
    {
        await using var store = await RedisStore.StartAsync(redis.Server);
        Assert.Equal(new TakenPermits(0, 3, TimeSpan.Zero), await store.Permits.TakeAsync(_key, 3, wanted: 0, Now));
        Assert.Equal(0, await LivesMsAsync());

        await store.Permits.TakeAsync(_key, 3, wanted: 1, Now);
        Assert.Equal(new TakenPermits(0, 2, TimeSpan.Zero), await store.Permits.TakeAsync(_key, 3, wanted: 0, Now));
        await store.Permits.TakeAsync(_key, 3, wanted: 1, Now);
        await store.Permits.TakeAsync(_key, 3, wanted: 1, Now);
        Assert.Equal(new TakenPermits(0, 0, TimeSpan.FromSeconds(20)), await store.Permits.TakeAsync(_key, 3, wanted: 0, Now));
        Assert.Equal(new TakenPermits(0, 1, TimeSpan.Zero), await store.Permits.TakeAsync(_key, 3, wanted: 0, Now.AddSeconds(21)));
    }

    [Fact]
    public async Task A_drained_bucket_has_nothing_for_more_than_a_minute_until_it_is_filled()
    {
        await using var store = await RedisStore.StartAsync(redis.Server);
        await store.Permits.DrainAsync(_key, 3, Now);

        Assert.Equal(TimeSpan.FromSeconds(80), (await store.Permits.TakeAsync(_key, 3, wanted: 1, Now)).Wait);
        Assert.Equal(0, (await store.Permits.TakeAsync(_key, 3, wanted: 1, Now.AddSeconds(60))).Count);
        await store.Permits.FillAsync(_key);
        Assert.Equal(2, (await store.Permits.TakeAsync(_key, 3, wanted: 1, Now.AddSeconds(60))).Left);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(30, 30)]
    [InlineData(60, 60)]
    public async Task A_bucket_is_kept_little_longer_than_it_takes_to_fill(int taken, int seconds)
    {
        await using var store = await RedisStore.StartAsync(redis.Server);
        for (var i = 0; i < taken; i++)
        {
            await store.Permits.TakeAsync(_key, perMinute: 60, wanted: 1, Now);
        }

        // 10 s for clocks that differ.
        var most = TimeSpan.FromSeconds(seconds + 10) + (2 * ISharedPermits.HeldFor);
        Assert.InRange(await LivesMsAsync(), seconds * 1000, most.TotalMilliseconds);
    }

    [Fact]
    public async Task Time_brings_permits_at_once_to_a_bucket_that_was_emptied_in_portions()
    {
        await using var store = await RedisStore.StartAsync(redis.Server);
        var taken = 0;
        while (await store.Permits.TakeAsync(_key, 6000, wanted: 60, Now) is { Count: > 0 } portion)
        {
            taken += portion.Count;
        }

        Assert.Equal(6000, taken);
        Assert.Equal(99, (await store.Permits.TakeAsync(_key, 6000, wanted: 1, Now.AddSeconds(1))).Left);
    }

    private async Task<double> LivesMsAsync()
    {
        using var client = await StackExchange.Redis.ConnectionMultiplexer.ConnectAsync(redis.Server.ConnectionString);
        return (await client.GetDatabase().KeyTimeToLiveAsync($"relay:{{{_key.Name}}}:permits"))?.TotalMilliseconds ?? 0;
    }
}
