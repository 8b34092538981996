using System.Diagnostics;
using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Storage;
using Relay.Server.Storage.Redis;
using static Relay.Server.Tests.Storage.Redis.RedisTestEvents;

namespace Relay.Server.Tests.Storage.Redis;

/// <summary>Redis stops, crashes, hangs, and comes back, under one store that lives through it.</summary>
public sealed class RedisOutageTests : IAsyncLifetime
{
    private readonly RelayId _agent = RelayId.New();
    private readonly SessionId _session = SessionId.New();
    private RedisServer _server = null!;
    private RedisStore? _store;

    private IDeliveryQueue Queue => _store!.Queue;

    public async Task InitializeAsync() => _server = await RedisServer.StartAsync();

    public async Task DisposeAsync()
    {
        if (_store is { } store)
        {
            await store.DisposeAsync();
        }

        await _server.DisposeAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Nothing_accepted_is_lost_when_redis_restarts_and_the_same_store_goes_on(bool gracefully)
    {
        _store = await RedisStore.StartAsync(_server);
        await Queue.ClaimAsync(_agent, _session, Now);
        var accepted = new List<EventId>();

        for (var round = 0; round < 3; round++)
        {
            for (var i = 0; i < 5; i++)
            {
                accepted.Add((await Queue.AcceptAsync(NewEvent(_agent), Terms())).Id);
            }

            await (gracefully ? _server.StopAsync() : _server.KillAsync());
            await AssertUnavailableAsync();
            await _server.RestartAsync();
            await UntilAsync(async () => await _store.Health.CheckAsync(CancellationToken.None) is null);
        }

        Assert.Equal(accepted, (await Queue.LeaseAllAsync(_agent, _session)).Events.Select(leased => leased.Id));
        var results = await Queue.SettleAsync(_agent, [.. accepted.Select(id => Ack(id, _session))], Now);
        Assert.All(results, result => Assert.Equal(SettleResult.Settled, result));
    }

    [Fact]
    public async Task What_is_accepted_while_redis_is_killed_over_and_over_is_there()
    {
        _store = await RedisStore.StartAsync(_server);
        var accepted = new List<EventId>();
        using var enough = new CancellationTokenSource();
        var sender = Task.Run(async () =>
        {
            while (!enough.IsCancellationRequested)
            {
                try
                {
                    accepted.Add((await Queue.AcceptAsync(NewEvent(_agent), Terms())).Id);
                }
                catch (StoreUnavailableException)
                {
                    await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System);
                }
            }
        });

        for (var round = 0; round < 3; round++)
        {
            var before = accepted.Count;
            await UntilAsync(() => Task.FromResult(accepted.Count > before + 50));
            await _server.KillAsync();
            await _server.RestartAsync();
        }

        await enough.CancelAsync();
        await sender;
        await UntilAsync(async () => (await Queue.ClaimAsync(_agent, _session, Now)).Unsettled >= 0);
        var (there, at) = (new HashSet<EventId>(), Now);
        await UntilAsync(async () =>
        {
            // What a call leased whose answer was lost comes again when that lease is over.
            at = at.AddMinutes(2);
            var lease = new LeaseRequest(_session, 10_000, long.MaxValue, at, at.AddMinutes(1));
            there.UnionWith((await Queue.LeaseAsync(_agent, lease)).Events.Select(static leased => leased.Id));
            return true;
        });
        Assert.Empty(accepted.Except(there));
    }

    [Fact]
    public async Task A_listener_is_woken_after_an_outage_and_hears_again()
    {
        _store = await RedisStore.StartAsync(_server);
        var (heard, mayHaveChanged) = (0, 0);
        await using var listening = await Queue.SubscribeAsync(_agent, signal =>
        {
            Interlocked.Increment(ref heard);
            Interlocked.Add(ref mayHaveChanged, signal.AgentChanged ? 1 : 0);
        });
        await Queue.AcceptAsync(NewEvent(_agent), Terms());
        await UntilAsync(() => Task.FromResult(heard > 0));

        await _server.KillAsync();
        await AssertUnavailableAsync();
        Volatile.Write(ref heard, 0);
        await _server.RestartAsync();
        await UntilAsync(() => Task.FromResult(heard > 0 && mayHaveChanged > 0));

        // Being woken may come again, so it is the claim, which names a session, that shows that it hears.
        SessionId? claimed = null;
        await using var other = await Queue.SubscribeAsync(_agent, signal => claimed = signal.ClaimedBy ?? claimed);
        await UntilAsync(async () => (await Queue.ClaimAsync(_agent, _session, Now)).Unsettled >= 0 && claimed == _session);
    }

    [Fact]
    public async Task A_redis_that_hangs_fails_calls_in_time_and_is_used_again_when_it_goes_on()
    {
        _store = await RedisStore.StartAsync(_server);

        // On a busy machine Redis may not have been there in time for the first try.
        await UntilAsync(async () => (await Queue.ClaimAsync(_agent, _session, Now)).Unsettled == 0);
        await _server.FreezeAsync();

        await AssertUnavailableAsync();
        await AssertUnavailableAsync();

        await _server.ThawAsync();
        await UntilAsync(async () => await Queue.AcceptAsync(NewEvent(_agent), Terms()) is { Status: AcceptStatus.Ready });
        Assert.Null(await _store.Health.CheckAsync(CancellationToken.None));
    }

    /// <summary>By the time a new connection is there, the old one may have been served again.</summary>
    [Theory]
    [InlineData(3.5)]
    [InlineData(4.5)]
    [InlineData(5.5)]
    public async Task What_redis_takes_again_is_not_given_up_for_a_new_connection(double secondsFrozen)
    {
        _store = await RedisStore.StartAsync(_server);
        await _server.FreezeAsync();
        await Task.Delay(TimeSpan.FromSeconds(secondsFrozen), TimeProvider.System);
        await _server.ThawAsync();
        await UntilAsync(async () => await Queue.AcceptAsync(NewEvent(_agent), Terms()) is { Status: AcceptStatus.Ready });

        for (var goesOn = Stopwatch.StartNew(); goesOn.Elapsed < TimeSpan.FromSeconds(3);)
        {
            var waited = Stopwatch.StartNew();
            var calls = Enumerable.Range(0, 20).Select(_ => Queue.AcceptAsync(NewEvent(_agent), Terms()));
            try
            {
                Assert.All(await Task.WhenAll(calls), static result => Assert.Equal(AcceptStatus.Ready, result.Status));
            }
            catch (StoreUnavailableException) when (waited.Elapsed >= RedisLane.CallLimit)
            {
                // Nobody gave them up before their time; it is the machine, and the next are not taken either until that is over.
                await UntilAsync(async () => await Queue.AcceptAsync(NewEvent(_agent), Terms()) is { Status: AcceptStatus.Ready });
            }
        }
    }

    [Fact]
    public async Task A_redis_that_takes_less_than_comes_has_what_is_too_much_refused_at_once()
    {
        _store = await RedisStore.StartAsync(_server);
        await Queue.ClaimAsync(_agent, _session, Now);
        NewEvent[] events = [.. Enumerable.Range(0, 100).Select(_ => NewEvent(_agent, bodyBytes: 1 << 20))];
        await _server.FreezeAsync();

        var accepts = Array.ConvertAll(events, one => Queue.AcceptAsync(one, Terms()));
        var ack = Queue.SettleAsync(_agent, [Ack(new EventId(1), _session)], Now);
        await Task.WhenAll([ack, .. accepts]).ContinueWith(static _ => { }, TaskScheduler.Default);
        await _server.ThawAsync();

        // A slow machine may take so long over it that the first are given up.
        Assert.InRange(accepts.Count(IsTooMuch), 1, 40);
        Assert.False(IsTooMuch(ack), "What makes room is taken.");
        await UntilAsync(async () => await Queue.AcceptAsync(NewEvent(_agent), Terms()) is { Status: AcceptStatus.Ready });

        static bool IsTooMuch(Task call) => call.Exception?.InnerException?.Message == RedisErrors.TooSlow;
    }

    [Fact]
    public async Task One_event_is_not_too_much_however_large()
    {
        _store = await RedisStore.StartAsync(_server);

        // Such a Redis takes nothing, but nobody knows that yet; one that did would keep the disk from other tests' servers.
        await _server.FreezeAsync();
        var refusal = await Record.ExceptionAsync(() => Queue.AcceptAsync(NewEvent(_agent, bodyBytes: 64 << 20), Terms()));
        await _server.KillAsync();

        Assert.Equal(RedisErrors.NoAnswer, refusal?.Message);
    }

    [Fact]
    public async Task A_store_that_starts_without_redis_is_unhealthy_until_redis_comes()
    {
        await _server.StopAsync();
        _store = await RedisStore.StartAsync(_server);

        Assert.NotNull(await _store.Health.CheckAsync(CancellationToken.None));
        await AssertUnavailableAsync();
        await Assert.ThrowsAsync<StoreUnavailableException>(() => Queue.SubscribeAsync(_agent, _ => { }));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => _store.Agents.FindAsync(_agent, CancellationToken.None));

        await _server.RestartAsync();
        await UntilAsync(async () => await _store.Health.CheckAsync(CancellationToken.None) is null);
        Assert.Equal(AcceptStatus.Ready, (await Queue.AcceptAsync(NewEvent(_agent), Terms())).Status);
    }

    [Fact]
    public async Task A_redis_that_is_loading_is_unavailable_until_it_has_loaded()
    {
        _store = await RedisStore.StartAsync(_server);
        const int Events = 4000;
        foreach (var some in Enumerable.Range(0, Events).Chunk(1000))
        {
            await Task.WhenAll(some.Select(i => Queue.AcceptAsync(NewEvent(_agent) with { OrderingKey = new Guid(i, 0, 0, new byte[8]).ToByteArray() }, Terms())));
        }

        // It says that it is loading once in 1024 commands, of which each event with an ordering key is several.
        await _server.KillAsync();
        await _server.RestartAndLoadAsync("--key-load-delay", "500");
        await AssertUnavailableAsync();

        await UntilAsync(async () => (await Queue.ClaimAsync(_agent, _session, Now)).Unsettled == Events);
    }

    [Fact]
    public async Task Stopping_ends_what_waits()
    {
        var store = await RedisStore.StartAsync(_server);
        await _server.FreezeAsync();
        var call = Assert.ThrowsAsync<StoreUnavailableException>(() => store.Queue.AcceptAsync(NewEvent(_agent), Terms()));

        await store.DisposeAsync().AsTask().WaitAsync(Patience);

        await call;
        await _server.ThawAsync();
    }

    private async Task AssertUnavailableAsync()
    {
        var took = Stopwatch.StartNew();
        var error = await Assert.ThrowsAsync<StoreUnavailableException>(() => Queue.AcceptAsync(NewEvent(_agent), Terms()));
        Assert.NotNull(await _store!.Health.CheckAsync(CancellationToken.None));
        Assert.True(took.Elapsed < Bound, $"It took {took.Elapsed}.");
        Assert.DoesNotContain(_server.ConnectionString, error.Message, StringComparison.Ordinal);
    }
}
