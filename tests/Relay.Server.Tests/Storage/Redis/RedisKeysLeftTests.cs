using Relay.Protocol;
using Relay.Server.Delivery;
using StackExchange.Redis;
using static Relay.Server.Tests.Storage.Redis.RedisTestEvents;

namespace Relay.Server.Tests.Storage.Redis;

/// <summary>What stays in Redis, seen from outside.</summary>
[Collection("redis")]
public sealed class RedisKeysLeftTests(RedisFixture redis)
{
    [Fact]
    public async Task An_agent_whose_events_are_forgotten_keeps_one_small_key()
    {
        var agent = RelayId.New();
        await using var store = await StartAsync(agent, new DeliveryOptions { DeliveredRetention = TimeSpan.Zero, DeadLetterRetention = TimeSpan.Zero });
        await SettleManyAsync(store, agent);

        await UntilAsync(async () => await KeysAsync(agent) is [var left] && left == $"{agent}:{{{agent}}}");
        Assert.InRange(await FieldsAsync(agent), 1, 7);
    }

    [Fact]
    public async Task What_is_kept_of_settled_events_vanishes_by_itself()
    {
        var agent = RelayId.New();
        var moment = TimeSpan.FromMilliseconds(300);
        await using var store = await StartAsync(agent, new DeliveryOptions { DeliveredRetention = moment, DeadLetterRetention = moment });
        await SettleManyAsync(store, agent);

        await UntilAsync(async () => await KeysAsync(agent) is [var left] && left == $"{agent}:{{{agent}}}");
        Assert.InRange(await FieldsAsync(agent), 1, 7);
    }

    [Fact]
    public async Task Everything_but_what_is_not_settled_has_a_time_to_live()
    {
        var agent = RelayId.New();
        await using var store = await StartAsync(agent, new DeliveryOptions());
        await SettleManyAsync(store, agent);

        using var client = await ConnectAsync();
        foreach (var key in (await KeysAsync(agent)).Where(key => key != $"{agent}:{{{agent}}}"))
        {
            var lives = await client.Database.KeyTimeToLiveAsync(key) > TimeSpan.Zero;
            Assert.True(lives || !await client.Database.KeyExistsAsync(key), key);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Events_that_someone_deleted_fill_no_quota_and_hold_up_no_ordering_key(bool areHandedOut)
    {
        var agent = RelayId.New();
        var session = SessionId.New();
        await using var store = await StartAsync(agent, new DeliveryOptions());
        await store.Queue.ClaimAsync(agent, session, Now);
        var order = new byte[16];
        var gone = NewEvent(agent) with { OrderingKey = order };
        await store.Queue.AcceptAsync(gone, Terms());
        using var client = await ConnectAsync();
        await client.Database.KeyDeleteAsync($"{agent}:{{{agent}}}:e:{gone.Id}");

        if (areHandedOut) Assert.Empty((await store.Queue.LeaseAllAsync(agent, session)).Events);
        else Assert.Empty((await store.Queue.ExpireAsync(agent, NewEvent(agent).Id, Now, limit: 10)).Expired);

        var next = NewEvent(agent) with { OrderingKey = order };
        var tight = Terms() with { MaxQueuedEvents = 1, MaxQueuedBytes = next.SizeBytes };
        Assert.Equal(AcceptStatus.Ready, (await store.Queue.AcceptAsync(next, tight)).Status);
        Assert.Equal([next.Id], (await store.Queue.LeaseAllAsync(agent, session)).Events.Select(leased => leased.Id));
    }

    [Fact]
    public async Task The_list_of_dead_letters_does_not_outgrow_them()
    {
        var agent = RelayId.New();
        var session = SessionId.New();
        await using var store = await StartAsync(agent, new DeliveryOptions { DeadLetterRetention = TimeSpan.FromMilliseconds(200) });
        await store.Queue.ClaimAsync(agent, session, Now);
        using var client = await ConnectAsync();
        var (died, listed) = (0, 0L);

        // The list itself lives on as long as more come: only the look at its oldest makes it shorter.
        await UntilAsync(async () =>
        {
            var id = (await store.Queue.AcceptAsync(NewEvent(agent), Terms(session))).Id;
            await store.Queue.SettleAsync(agent, [Ack(id, session) with { Kind = SettlementKind.DeadLetter }], Now);
            died++;
            listed = await client.Database.SortedSetLengthAsync($"{agent}:{{{agent}}}:dead");

            // On a machine that stood still the list itself ended: it begins anew, and so does the count.
            died = listed <= 1 ? (int)listed : died;
            return listed < died / 2;
        });
        Assert.InRange(listed, 1, died / 2);
    }

    [Fact]
    public async Task Delivered_events_are_trimmed_to_their_number_and_bytes()
    {
        var agent = RelayId.New();
        var session = SessionId.New();
        await using var store = await StartAsync(agent, new DeliveryOptions { DeliveredKept = 5, DeliveredKeptBytes = 3000 });
        await store.Queue.ClaimAsync(agent, session, Now);

        var small = await DeliverAsync(store, agent, session, count: 250, bodyBytes: 10);
        Assert.Equal(small.TakeLast(5), await FoundAsync(store, agent, small));

        var large = await DeliverAsync(store, agent, session, count: 4, bodyBytes: 1000);
        Assert.Equal(large.TakeLast(2), await FoundAsync(store, agent, [.. small, .. large]));
    }

    [Fact]
    public async Task Delivered_events_that_are_gone_are_not_listed_and_take_no_room()
    {
        var agent = RelayId.New();
        var session = SessionId.New();
        await using var store = await StartAsync(agent, new DeliveryOptions { DeliveredKeptBytes = 3500 });
        await store.Queue.ClaimAsync(agent, session, Now);
        var first = await DeliverAsync(store, agent, session, count: 3, bodyBytes: 1000);
        using var client = await ConnectAsync();
        await client.Database.KeyDeleteAsync([.. first[..2].Select(id => (RedisKey)$"{agent}:{{{agent}}}:e:{id}")]);

        Assert.Equal(first[2..], await ListAsync());
        var later = await DeliverAsync(store, agent, session, count: 2, bodyBytes: 1000);
        Assert.Equal([later[1], later[0], first[2]], await ListAsync());

        async Task<IEnumerable<EventId>> ListAsync() =>
            (await store.Queue.ListAsync(agent, new EventQuery(EventStatus.Delivered, Before: null, Limit: 10))).Events.Select(one => one.Id);
    }

    [Fact]
    public async Task A_delivered_event_has_the_fields_that_the_version_before_reads()
    {
        var agent = RelayId.New();
        var session = SessionId.New();
        await using var store = await StartAsync(agent, new DeliveryOptions());
        await store.Queue.ClaimAsync(agent, session, Now);
        var id = (await store.Queue.AcceptAsync(NewEvent(agent), Terms(session))).Id;
        await store.Queue.SettleAsync(agent, [Ack(id, session) with { Reason = "it | is \"done\"" }], Now);

        using var client = await ConnectAsync();
        var state = (string?)await client.Database.HashGetAsync($"{agent}:{{{agent}}}:e:{id}", "state");
        Assert.Equal(["delivered", "1", "0", "0"], state!.Split(' ') is { Length: 6 } fields ? fields[..4] : []);
        Assert.Equal("it | is \"done\"", Assert.Single((await store.Queue.FindAsync(agent, id))!.Attempts).Reason);
    }

    private static async Task<EventId[]> DeliverAsync(RedisStore store, RelayId agent, SessionId session, int count, int bodyBytes)
    {
        var ids = new EventId[count];
        for (var i = 0; i < count; i++)
        {
            ids[i] = (await store.Queue.AcceptAsync(NewEvent(agent, bodyBytes), Terms(session))).Id;
        }

        await store.Queue.SettleAsync(agent, [.. ids.Select(id => Ack(id, session))], Now);
        return ids;
    }

    private static async Task<IReadOnlyList<EventId>> FoundAsync(RedisStore store, RelayId agent, IEnumerable<EventId> ids)
    {
        var found = new List<EventId>();
        foreach (var id in ids)
        {
            if (await store.Queue.FindAsync(agent, id) is not null)
            {
                found.Add(id);
            }
        }

        return found;
    }

    private static async Task SettleManyAsync(RedisStore store, RelayId agent)
    {
        var session = SessionId.New();
        await store.Queue.ClaimAsync(agent, session, Now);
        var key = new byte[16];
        for (var i = 0; i < 30; i++)
        {
            key[0] = (byte)i;
            var terms = Terms(i % 2 == 0 ? session : null) with { IdempotencyWindow = TimeSpan.FromMilliseconds(500) };
            await store.Queue.AcceptAsync(NewEvent(agent, key: [.. key]), terms);
        }

        var again = (await store.Queue.LeaseAllAsync(agent, session)).Events;
        await store.Queue.SettleAsync(agent, [.. again.Select(one => Ack(one.Id, session) with { Kind = SettlementKind.Retry, DueAt = Now })], Now);
        var next = SessionId.New();
        await store.Queue.ClaimAsync(agent, next, Now);
        var all = (await store.Queue.LeaseAllAsync(agent, next)).Events;
        Assert.Equal(30, all.Count);
        SettlementKind[] kinds = [SettlementKind.Ack, SettlementKind.DeadLetter, SettlementKind.Expire];
        await store.Queue.SettleAsync(agent, [.. all.Select((one, i) => Ack(one.Id, next) with { Kind = kinds[i % 3] })], Now);
        Assert.Equal(0, (await store.Queue.ClaimAsync(agent, next, Now)).Unsettled);
    }

    private Task<RedisStore> StartAsync(RelayId agent, DeliveryOptions options) => RedisStore.StartAsync(redis.Server, $"{agent}:", options);

    private async Task<string[]> KeysAsync(RelayId agent)
    {
        using var client = await ConnectAsync();
        return [.. client.Server.Keys(pattern: $"{agent}:*").Select(key => (string)key!)];
    }

    private async Task<long> FieldsAsync(RelayId agent)
    {
        using var client = await ConnectAsync();
        return await client.Database.HashLengthAsync($"{agent}:{{{agent}}}");
    }

    private async Task<Client> ConnectAsync() =>
        new(await ConnectionMultiplexer.ConnectAsync(redis.Server.ConnectionString + ",syncTimeout=30000"));

    /// <summary>Its own end would wait as long as a call may take.</summary>
    private sealed class Client(ConnectionMultiplexer multiplexer) : IDisposable
    {
        public IDatabase Database => multiplexer.GetDatabase();

        public IServer Server => multiplexer.GetServer(multiplexer.GetEndPoints()[0]);

        public void Dispose() => multiplexer.Close(allowCommandsToComplete: false);
    }
}
