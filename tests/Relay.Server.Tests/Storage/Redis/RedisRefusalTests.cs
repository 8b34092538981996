using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Storage;
using static Relay.Server.Tests.Storage.Redis.RedisTestEvents;

namespace Relay.Server.Tests.Storage.Redis;

/// <summary>Redis is there and says no, or has forgotten the scripts.</summary>
[Collection("redis")]
public sealed class RedisRefusalTests(RedisFixture redis) : IAsyncLifetime
{
    private readonly RelayId _agent = RelayId.New();
    private readonly SessionId _session = SessionId.New();
    private RedisStore _store = null!;

    private IDeliveryQueue Queue => _store.Queue;

    public async Task InitializeAsync()
    {
        _store = await RedisStore.StartAsync(redis.Server, $"{_agent}:");
        await Queue.ClaimAsync(_agent, _session, Now);
    }

    public async Task DisposeAsync() => await _store.DisposeAsync();

    [Fact]
    public async Task Forgotten_scripts_are_loaded_again_and_the_order_of_calls_stays()
    {
        for (var round = 0; round < 10; round++)
        {
            await redis.Server.SendAsync("SCRIPT FLUSH");

            var accepted = Enumerable.Range(0, 200).Select(_ => NewEvent(_agent)).ToArray();
            var accepts = Array.ConvertAll(accepted, one => Queue.AcceptAsync(one, Terms()));
            var lease = Queue.LeaseAllAsync(_agent, _session);

            Assert.Equal(accepted.Select(one => one.Id), (await lease).Events.Select(leased => leased.Id));
            await Task.WhenAll(accepts);
        }
    }

    [Fact]
    public async Task Calls_survive_scripts_being_forgotten_all_the_time()
    {
        var accepts = Enumerable.Range(0, 20).Select(_ => Task.Run(async () =>
        {
            for (var i = 0; i < 50; i++)
            {
                var result = await Queue.AcceptAsync(NewEvent(_agent), Terms(_session));
                Assert.Equal([SettleResult.Settled], await Queue.SettleAsync(_agent, [Ack(result.Id, _session)], Now));
            }
        })).ToArray();
        for (var i = 0; i < 20; i++)
        {
            await redis.Server.SendAsync("SCRIPT FLUSH");
        }

        await Task.WhenAll(accepts);
        Assert.Equal(0, (await Queue.ClaimAsync(_agent, _session, Now)).Unsettled);
    }

    [Fact]
    public async Task A_full_redis_accepts_nothing_and_still_takes_acknowledgements()
    {
        var id = (await Queue.AcceptAsync(NewEvent(_agent), Terms(_session))).Id;
        await redis.Server.SetAsync("maxmemory", "1");
        try
        {
            var error = await Assert.ThrowsAsync<StoreUnavailableException>(() => Queue.AcceptAsync(NewEvent(_agent), Terms()));
            Assert.Contains("out of memory", error.Message, StringComparison.Ordinal);
            Assert.Equal(error.Message, await _store.Health.CheckAsync(CancellationToken.None));

            Assert.Equal([SettleResult.Settled], await Queue.SettleAsync(_agent, [Ack(id, _session)], Now));
            Assert.Empty((await Queue.LeaseAllAsync(_agent, _session)).Events);
        }
        finally
        {
            await redis.Server.SetAsync("maxmemory", "0");
        }

        Assert.Equal(AcceptStatus.Leased, (await Queue.AcceptAsync(NewEvent(_agent), Terms(_session))).Status);
    }

    [Fact]
    public async Task A_replica_is_named_as_such()
    {
        await redis.Server.SendAsync("REPLICAOF 127.0.0.1 1");
        try
        {
            var error = await Assert.ThrowsAsync<StoreUnavailableException>(() => Queue.AcceptAsync(NewEvent(_agent), Terms()));
            Assert.Contains("replica", error.Message, StringComparison.Ordinal);
            Assert.NotNull(await _store.Health.CheckAsync(CancellationToken.None));
        }
        finally
        {
            await redis.Server.SendAsync("REPLICAOF NO ONE");
        }

        await UntilAsync(async () => await Queue.AcceptAsync(NewEvent(_agent), Terms(_session)) is { Status: AcceptStatus.Leased });
    }

    [Fact]
    public async Task Too_few_replicas_are_named_as_such()
    {
        await redis.Server.SetAsync("min-replicas-to-write", "1");
        try
        {
            var error = await Assert.ThrowsAsync<StoreUnavailableException>(() => Queue.AcceptAsync(NewEvent(_agent), Terms()));
            Assert.Contains("min-replicas-to-write", error.Message, StringComparison.Ordinal);
        }
        finally
        {
            await redis.Server.SetAsync("min-replicas-to-write", "0");
        }
    }

    [Fact]
    public async Task A_redis_that_may_lose_events_is_warned_of_once()
    {
        await redis.Server.SetAsync("appendonly", "no");
        await redis.Server.SetAsync("maxmemory-policy", "allkeys-lru");
        try
        {
            await using var store = await RedisStore.StartAsync(redis.Server);
            Assert.Single(store.Logged, message => message.Contains("appendonly", StringComparison.Ordinal));
            Assert.Single(store.Logged, message => message.Contains("allkeys-lru", StringComparison.Ordinal));
            Assert.Equal(2, store.Logged.Count());
        }
        finally
        {
            await redis.Server.SetAsync("maxmemory-policy", "noeviction");
            await redis.Server.SetAsync("appendonly", "yes");
        }
    }
}
