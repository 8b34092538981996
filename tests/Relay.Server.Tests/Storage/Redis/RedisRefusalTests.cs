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

    [Theory]
    [InlineData("appendonly no", "appendonly is off")]
    [InlineData("maxmemory-policy allkeys-lru", "allkeys-lru")]
    [InlineData("appendfsync no", "appendfsync no")]
    public async Task A_redis_that_may_lose_events_is_warned_of_once(string setting, string said)
    {
        var (name, value) = (setting.Split(' ')[0], setting.Split(' ')[1]);
        var before = (await redis.Server.ListAsync($"CONFIG GET {name}"))[1];
        await redis.Server.SetAsync(name, value);
        try
        {
            await using var store = await RedisStore.StartAsync(redis.Server);
            Assert.Contains(said, Assert.Single(store.Logged), StringComparison.Ordinal);
            Assert.Contains(redis.Server.ConnectionString, Assert.Single(store.Logged), StringComparison.Ordinal);
        }
        finally
        {
            await redis.Server.SetAsync(name, before);
        }
    }

    [Fact]
    public async Task A_redis_whose_config_is_forbidden_is_checked_as_far_as_it_goes_and_one_without_info_is_said_to_be_unchecked()
    {
        await using var server = RedisServer.NotStarted();
        await server.RestartAsync("--rename-command", "CONFIG", "", "--appendonly", "no");
        await using (var store = await RedisStore.StartAsync(server))
        {
            Assert.Contains("appendonly is off", Assert.Single(store.Logged), StringComparison.Ordinal);
            Assert.Null(await store.Health.CheckAsync(CancellationToken.None));
        }

        await server.RestartAsync("--rename-command", "CONFIG", "", "--rename-command", "INFO", "");
        await using (var store = await RedisStore.StartAsync(server))
        {
            Assert.Contains("could not be checked", Assert.Single(store.Logged), StringComparison.Ordinal);
            Assert.Null(await store.Health.CheckAsync(CancellationToken.None));
        }
    }

    [Fact]
    public async Task A_redis_that_is_a_replica_at_the_start_is_warned_of()
    {
        await using var replica = await RedisServer.StartAsync();
        await replica.FollowAsync(redis.Server);
        await using var store = await RedisStore.StartAsync(replica);
        Assert.Contains("is a replica", Assert.Single(store.Logged), StringComparison.Ordinal);
    }
}
