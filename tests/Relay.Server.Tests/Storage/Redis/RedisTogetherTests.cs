using System.Globalization;
using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Storage;
using static Relay.Server.Tests.Storage.Redis.RedisTestEvents;

namespace Relay.Server.Tests.Storage.Redis;

/// <summary>What is accepted while Redis is busy goes to it together, the events of several agents too.</summary>
[Collection("redis")]
public sealed class RedisTogetherTests(RedisFixture redis)
{
    [Fact]
    public async Task Events_that_come_together_are_one_call()
    {
        await using var store = await RedisStore.StartAsync(redis.Server, $"{RelayId.New()}:");
        var accepted = Enumerable.Range(0, 40).Select(static _ => RelayId.New()).SelectMany(static agent => Enumerable.Range(0, 20).Select(_ => NewEvent(agent))).ToArray();
        Random.Shared.Shuffle(accepted);
        var before = await CountCallsAsync();

        var results = await Task.WhenAll(Array.ConvertAll(accepted, one => store.Queue.AcceptAsync(one, Terms())));

        Assert.Equal(accepted.Select(static one => (AcceptStatus.Ready, one.Id)), results.Select(static result => (result.Status, result.Id)));
        Assert.InRange(await CountCallsAsync() - before, 1, accepted.Length / 4);
        foreach (var ofAgent in accepted.GroupBy(static one => one.Agent))
        {
            var session = SessionId.New();
            await store.Queue.ClaimAsync(ofAgent.Key, session, Now);
            Assert.Equal(ofAgent.Select(static one => one.Id), (await store.Queue.LeaseAllAsync(ofAgent.Key, session)).Events.Select(static one => one.Id));
        }
    }

    [Fact]
    public async Task Events_that_come_together_for_a_connection_are_few_keys()
    {
        const int Count = 400;
        var prefix = $"{RelayId.New()}:";
        await using var store = await RedisStore.StartAsync(redis.Server, prefix);
        var (agent, session) = (RelayId.New(), SessionId.New());
        await store.Queue.ClaimAsync(agent, session, Now);

        var accepted = await Task.WhenAll(Enumerable.Range(0, Count).Select(_ => store.Queue.AcceptAsync(NewEvent(agent), Terms(session))));

        Assert.All(accepted, static one => Assert.Equal(AcceptStatus.Leased, one.Status));
        Assert.Empty(await redis.Server.ListAsync($"KEYS {prefix}*:e:*"));
        Assert.InRange((await redis.Server.ListAsync($"KEYS {prefix}*:b:*")).Length, Count / 32, Count / 4);

        // One that is gone holds up nothing and fills no quota.
        var lost = (await redis.Server.ListAsync($"KEYS {prefix}*:b:*")).First();
        await redis.Server.SendAsync($"DEL {lost}");
        var next = SessionId.New();
        var unsettled = (await store.Queue.ClaimAsync(agent, next, Now)).Unsettled;
        Assert.InRange(unsettled, Count - 32, Count - 1);
        Assert.Equal(unsettled, (await store.Queue.LeaseAllAsync(agent, next)).Events.Count);
        Assert.Empty(await redis.Server.ListAsync($"KEYS {prefix}*:b:*"));
        Assert.Empty(await redis.Server.ListAsync($"KEYS {prefix}*:batches"));
    }

    [Fact]
    public async Task Events_that_become_ready_together_are_few_keys_and_stay_so()
    {
        const int Count = 400;
        var prefix = $"{RelayId.New()}:";
        await using var store = await RedisStore.StartAsync(redis.Server, prefix);
        var (agent, session) = (RelayId.New(), SessionId.New());
        await Task.WhenAll(Enumerable.Range(0, Count).Select(_ => store.Queue.AcceptAsync(NewEvent(agent), Terms())));
        Assert.InRange((await redis.Server.ListAsync($"KEYS {prefix}*:b:*")).Length, Count / 32, Count / 4);

        // One that is gone holds up nothing and fills no quota.
        var lost = (await redis.Server.ListAsync($"KEYS {prefix}*:b:*")).Order(StringComparer.Ordinal).First();
        await redis.Server.SendAsync($"DEL {lost}");
        await store.Queue.ClaimAsync(agent, session, Now);
        var leased = (await store.Queue.LeaseAllAsync(agent, session)).Events;
        Assert.InRange(leased.Count, Count - 32, Count - 1);

        await store.Queue.SettleAsync(agent, [.. leased.Select(one => Ack(one.Id, session) with { Place = one.Place })], Now);
        Assert.Equal(0, (await store.Queue.ClaimAsync(agent, session, Now)).Unsettled);
        Assert.InRange((await redis.Server.ListAsync($"KEYS {prefix}*:e:*")).Length, 0, 1); // One that went to Redis alone.
        Assert.Empty(await redis.Server.ListAsync($"KEYS {prefix}*batches"));
    }

    /// <summary>A replica took over that had not heard of the lease.</summary>
    [Fact]
    public async Task Acks_count_although_Redis_lost_that_the_events_were_handed_out()
    {
        var prefix = $"{RelayId.New()}:";
        await using var store = await RedisStore.StartAsync(redis.Server, prefix);
        var (agent, session) = (RelayId.New(), SessionId.New());
        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => store.Queue.AcceptAsync(NewEvent(agent), Terms())));
        await store.Queue.ClaimAsync(agent, session, Now);
        var leased = (await store.Queue.LeaseAllAsync(agent, session)).Events;
        await LoseLeasesAsync($"{prefix}{{{agent}}}:");
        var acked = leased.Where(static (_, i) => i % 3 == 0).ToArray();
        var results = await store.Queue.SettleAsync(agent, [.. acked.Select(one => Ack(one.Id, session) with { Place = one.Place })], Now);

        Assert.Equal(Enumerable.Repeat(SettleResult.Settled, acked.Length), results);
        Assert.Equal(leased.Except(acked).Select(static one => one.Id), (await store.Queue.LeaseAllAsync(agent, session)).Events.Select(static one => one.Id));
    }

    /// <summary>A replica took over that had not heard of the lease, and they were handed out once more before the first acks came.</summary>
    [Fact]
    public async Task Acks_of_both_count_although_Redis_lost_that_the_events_were_handed_out_before()
    {
        var prefix = $"{RelayId.New()}:";
        await using var store = await RedisStore.StartAsync(redis.Server, prefix);
        var (agent, session) = (RelayId.New(), SessionId.New());
        await Task.WhenAll(Enumerable.Range(0, 60).Select(_ => store.Queue.AcceptAsync(NewEvent(agent), Terms())));
        await store.Queue.ClaimAsync(agent, session, Now);
        var first = (await store.Queue.LeaseAsync(agent, new LeaseRequest(session, 100, long.MaxValue, Now.AddSeconds(-1), Now.AddMinutes(1)))).Events;
        await LoseLeasesAsync($"{prefix}{{{agent}}}:");
        var again = (await store.Queue.LeaseAllAsync(agent, session)).Events;

        var some = first.Where(static (_, i) => i % 2 == 0).ToArray(); // The first of all among them, which went to Redis alone.
        var others = again.ExceptBy(some.Select(static one => one.Id), static one => one.Id).ToArray();
        foreach (var acked in new[] { some, others })
        {
            var results = await store.Queue.SettleAsync(agent, [.. acked.Select(one => Ack(one.Id, session) with { Place = one.Place })], Now);
            Assert.All(results, static result => Assert.Equal(SettleResult.Settled, result));
        }

        Assert.Equal(0, (await store.Queue.ClaimAsync(agent, SessionId.New(), Now)).Unsettled);
    }

    /// <summary>Who looks for an event, or for those of a page, looks through the batches of 20 ms before it.</summary>
    [Fact]
    public async Task Events_of_one_batch_have_ids_of_about_one_time()
    {
        await using var store = await RedisStore.StartAsync(redis.Server, $"{RelayId.New()}:");
        var agent = RelayId.New();
        var accepted = Enumerable.Range(0, 60).Select(i => NewEvent(agent) with { Id = new EventId(new UInt128((ulong)(1_000_000 - (i * 7)) << 16, 1)) }).ToArray();
        await Task.WhenAll(Array.ConvertAll(accepted, one => store.Queue.AcceptAsync(one, Terms())));

        Array.Reverse(accepted);
        foreach (var one in accepted)
        {
            Assert.Equal(EventState.Ready, (await store.Queue.FindAsync(agent, one.Id))?.State);
            var page = await store.Queue.ListAsync(agent, new EventQuery(EventStatus.Queued, one.Id, Limit: 3));
            Assert.Equal(accepted.Where(other => other.Id < one.Id).TakeLast(3).Reverse().Select(static other => other.Id), page.Events.Select(static other => other.Id));
        }
    }

    /// <summary>After an outage each of many agents may have a thousand acks: all in one script would keep Redis from everything else for seconds.</summary>
    [Fact]
    public async Task Acks_of_many_agents_are_not_more_than_Redis_has_time_for_at_once()
    {
        const int Each = 512;
        await using var store = await RedisStore.StartAsync(redis.Server, $"{RelayId.New()}:");
        var session = SessionId.New();
        var agents = Enumerable.Range(0, 64).Select(static _ => RelayId.New()).ToArray();
        var before = await CountCallsAsync();

        var results = await Task.WhenAll(Array.ConvertAll(
            agents, agent => store.Queue.SettleAsync(agent, [.. Enumerable.Range(0, Each).Select(_ => Ack(NewEvent(agent).Id, session))], Now)));

        Assert.All(results, static ofAgent => Assert.Equal(Enumerable.Repeat(SettleResult.Unknown, Each), ofAgent));
        Assert.InRange(await CountCallsAsync() - before, agents.Length * Each / 1024, agents.Length);
    }

    [Fact]
    public async Task Replies_of_many_agents_are_not_more_than_Redis_has_time_for_at_once()
    {
        await using var store = await RedisStore.StartAsync(redis.Server, $"{RelayId.New()}:");
        var session = SessionId.New();
        var agents = Enumerable.Range(0, 16).Select(static _ => RelayId.New()).ToArray();
        var reply = new AgentReply(200, [], new byte[700_000]);
        var before = await CountCallsAsync();

        await Task.WhenAll(Array.ConvertAll(agents, agent => store.Queue.SettleAsync(agent, [Ack(NewEvent(agent).Id, session) with { Reply = reply }], Now)));

        Assert.Equal(agents.Length, await CountCallsAsync() - before);
    }

    [Fact]
    public async Task A_held_event_wakes_nobody()
    {
        await using var store = await RedisStore.StartAsync(redis.Server, $"{RelayId.New()}:");
        var (agent, session, woken) = (RelayId.New(), SessionId.New(), 0);
        var claimed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var subscription = await store.Queue.SubscribeAsync(agent, signal =>
        {
            if (signal.ClaimedBy == session)
            {
                claimed.TrySetResult();
            }
            else if (!signal.AgentChanged)
            {
                Interlocked.Increment(ref woken);
            }
        });

        var ordered = new byte[16];
        await store.Queue.AcceptAsync(NewEvent(agent) with { OrderingKey = ordered }, Terms());
        await store.Queue.AcceptAsync(NewEvent(agent) with { OrderingKey = ordered }, Terms());
        await store.Queue.ClaimAsync(agent, session, Now);

        // What was told before it has come before it.
        await claimed.Task.WaitAsync(Patience);
        Assert.Equal(1, Volatile.Read(ref woken));
    }

    /// <param name="broken">The agent's key that somebody has made something else.</param>
    [Theory]
    [InlineData("")]
    [InlineData(":ready")]
    [InlineData(":k:0102030405060708090a0b0c0d0e0f10")]
    public async Task One_agents_broken_keys_cost_no_other_agent_an_event(string broken)
    {
        var prefix = $"{RelayId.New()}:";
        await using var store = await RedisStore.StartAsync(redis.Server, prefix);
        var agents = Enumerable.Range(0, 20).Select(static _ => RelayId.New()).ToArray();
        var key = $"{prefix}{{{agents[0]}}}{broken}";
        await redis.Server.SendAsync($"SET {key} x");
        var accepted = Enumerable.Range(0, 200).Select(i => NewEvent(agents[i % 20], key: [.. BitConverter.GetBytes((long)i), 0, 0, 0, 0, 0, 0, 0, 0]) with
        {
            OrderingKey = i % 40 == 0 ? [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16] : null,
        }).ToArray();

        var accepts = Array.ConvertAll(accepted, one => store.Queue.AcceptAsync(one, Terms()));
        await Task.WhenAll(accepts).ContinueWith(static _ => { }, TaskScheduler.Default);

        // What does not touch the broken key fails only in a call with what does.
        var refused = accepted.Where((_, i) => !accepts[i].IsCompletedSuccessfully).ToArray();
        Assert.All(refused, one => Assert.Equal(agents[0], one.Agent));
        Assert.Superset(accepted.Where(one => one.Agent == agents[0] && (one.OrderingKey is not null || !broken.StartsWith(":k:", StringComparison.Ordinal))).ToHashSet(), refused.ToHashSet());
        Assert.Contains("WRONGTYPE", (await Assert.ThrowsAsync<StoreUnavailableException>(() => accepts[0])).Message, StringComparison.Ordinal);

        // Sent again, when it is mended, it is no duplicate of what was refused.
        await redis.Server.SendAsync($"DEL {key}");
        foreach (var one in refused)
        {
            Assert.Equal(AcceptStatus.Ready, (await store.Queue.AcceptAsync(one, Terms())).Status);
        }

        foreach (var ofAgent in accepted.GroupBy(static one => one.Agent))
        {
            var session = SessionId.New();
            Assert.Equal(10, (await store.Queue.ClaimAsync(ofAgent.Key, session, Now)).Unsettled);
        }
    }

    /// <summary>Of scripts.</summary>
    /// <summary>What was handed out in batches is ready again.</summary>
    private async Task LoseLeasesAsync(string keys)
    {
        foreach (var (i, member) in (await redis.Server.ListAsync($"ZRANGE {keys}batches 0 -1")).Index())
        {
            await redis.Server.SendAsync($"HSET {keys}b:{member[..EventId.TextLength]} lease -");
            await redis.Server.SendAsync($"ZADD {keys}ready_batches {i * 100} \"{member}\"");
            await redis.Server.SendAsync($"ZADD {keys}queued_batches 0 \"{member}\"");
        }

        await redis.Server.SendAsync($"DEL {keys}batches");
    }

    private async Task<int> CountCallsAsync() => int.Parse(
        (await redis.Server.SendAsync("EVAL \"return tonumber(string.match(redis.call('INFO', 'commandstats'), 'cmdstat_evalsha:calls=(%d+)') or 0)\" 0")).TrimStart(':'),
        CultureInfo.InvariantCulture);
}
