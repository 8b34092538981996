using System.Text.Json;
using Relay.Protocol;
using Relay.Server.Delivery;
using StackExchange.Redis;
using static Relay.Server.Tests.Storage.Redis.RedisTestEvents;

namespace Relay.Server.Tests.Storage.Redis;

/// <summary>Whose turn an event is, of connections on two nodes that share an agent. The tests' own times, so that nothing is over by itself.</summary>
[Collection("redis")]
public sealed class RedisTurnTests(RedisFixture redis) : IAsyncLifetime
{
    private static readonly DateTimeOffset Start = new(2100, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private readonly RelayId _agent = RelayId.New();
    private readonly SessionId _one = SessionId.New().AsShared();
    private readonly SessionId _other = SessionId.New().AsShared();
    private RedisStore _here = null!;
    private RedisStore _there = null!;

    public async Task InitializeAsync()
    {
        _here = await RedisStore.StartAsync(redis.Server, $"{_agent}:");
        _there = await RedisStore.StartAsync(redis.Server, $"{_agent}:");
    }

    public async Task DisposeAsync()
    {
        await _here.DisposeAsync();
        await _there.DisposeAsync();
    }

    [Fact]
    public async Task Events_go_in_turn_and_who_asks_leaves_the_others_theirs()
    {
        await LeaseAsync(_here, _one, room: 10);
        await LeaseAsync(_there, _other, room: 10);

        // The order of acceptance is kept, so after the first that is left to another all are, each in its turn.
        var statuses = new List<AcceptStatus>();
        for (var i = 0; i < 6; i++)
        {
            statuses.Add((await AcceptAsync(_here, _one, room: 10)).Status);
        }

        Assert.Contains(AcceptStatus.Ready, statuses);
        var straight = statuses.Count(static status => status == AcceptStatus.Leased);
        Assert.InRange(straight, 0, 1);
        var mine = await LeaseAsync(_here, _one, room: 10 - straight);
        Assert.Equal(3, mine.Events.Count + straight);
        Assert.False(mine.More);
        Assert.Equal(Start.AddMilliseconds(250), mine.NextDue);
        Assert.Equal(3, (await LeaseAsync(_there, _other, room: 10)).Events.Count);
    }

    [Fact]
    public async Task What_one_does_not_come_for_in_time_is_anybodys_and_none_is_left_to_it_before_it_asks_again()
    {
        await LeaseAsync(_here, _one, room: 1);
        await LeaseAsync(_there, _other, room: 100);
        await AcceptAsync(_here, session: null, room: 0);
        await AcceptAsync(_here, session: null, room: 0);
        Assert.Empty((await LeaseAsync(_here, _one, room: 1)).Events);

        Assert.Equal(2, (await LeaseAsync(_here, _one, room: 9, at: 250)).Events.Count);

        Assert.Equal(AcceptStatus.Leased, (await AcceptAsync(_here, _one, room: 7)).Status);
        await LeaseAsync(_there, _other, room: 100, at: 250);
        Assert.Equal(AcceptStatus.Ready, (await AcceptAsync(_here, _one, room: 6)).Status);
    }

    [Fact]
    public async Task Who_has_no_room_has_no_turn_until_it_has_settled_something()
    {
        await LeaseAsync(_here, _one, room: 1);
        await LeaseAsync(_there, _other, room: 1);
        var leased = new List<LeasedEvent>();
        for (var i = 0; i < 2; i++)
        {
            await AcceptAsync(_here, session: null, room: 0);
            leased.AddRange((await LeaseAsync(_there, _other, room: 1 - leased.Count)).Events);
        }

        var held = Assert.Single(leased);
        Assert.Single((await LeaseAsync(_here, _one, room: 1)).Events);

        await _there.Queue.SettleAsync(_agent, [Ack(held.Id, _other)], Start);
        await AcceptAsync(_here, session: null, room: 0);
        Assert.Empty((await LeaseAsync(_here, _one, room: 0, max: 10)).Events);
        Assert.Single((await LeaseAsync(_there, _other, room: 1)).Events);
    }

    [Fact]
    public async Task One_that_shares_it_no_more_has_no_turn_and_what_was_left_to_it_is_anybodys()
    {
        await LeaseAsync(_here, _one, room: 1);
        await LeaseAsync(_there, _other, room: 100);
        await AcceptAsync(_here, session: null, room: 0);
        Assert.Empty((await LeaseAsync(_here, _one, room: 1)).Events);

        await LeaseAsync(_there, _other, room: null, max: 0);

        Assert.Single((await LeaseAsync(_here, _one, room: 9)).Events);
        Assert.Equal(AcceptStatus.Leased, (await AcceptAsync(_here, _one, room: 8)).Status);
    }

    [Fact]
    public async Task One_that_died_with_a_full_window_is_forgotten_after_a_minute()
    {
        await LeaseAsync(_there, _other, room: 1);
        await AcceptAsync(_here, session: null, room: 0);
        Assert.Single((await LeaseAsync(_there, _other, room: 1)).Events);

        await LeaseAsync(_here, _one, room: 1, at: 59_999);
        Assert.Equal([_one.Value, _other.Value], await SharersAsync());
        await LeaseAsync(_here, _one, room: 1, at: 60_000);
        Assert.Equal([_one.Value], await SharersAsync());
    }

    [Fact]
    public async Task A_turn_that_began_by_a_clock_that_is_ahead_is_over_in_time_by_the_others()
    {
        await LeaseAsync(_here, _one, room: 1);
        await LeaseAsync(_there, _other, room: 100);
        await _there.Queue.AcceptAsync(NewEvent(_agent) with { AcceptedAt = Start.AddMinutes(10) }, Terms());
        Assert.Empty((await LeaseAsync(_here, _one, room: 1)).Events);

        Assert.Single((await LeaseAsync(_here, _one, room: 1, at: 250)).Events);
    }

    [Fact]
    public async Task A_claim_ends_the_sharing()
    {
        var claiming = SessionId.New();
        await LeaseAsync(_there, _other, room: 100);
        await _here.Queue.ClaimAsync(_agent, claiming, Start);
        await LeaseAsync(_there, _other, room: 100);

        Assert.Equal(AcceptStatus.Leased, (await AcceptAsync(_here, claiming, room: 1)).Status);
        await AcceptAsync(_here, session: null, room: 0);
        Assert.Single((await LeaseAsync(_here, claiming, room: 1)).Events);
    }

    private async Task<IEnumerable<string>> SharersAsync()
    {
        using var client = await ConnectionMultiplexer.ConnectAsync(redis.Server.ConnectionString);
        var kept = await client.GetDatabase().HashGetAsync($"{_agent}:{{{_agent}}}", "sharers");
        return JsonElement.Parse(kept.ToString()).EnumerateObject().Select(static one => one.Name).OrderBy(one => one == _one.Value ? 0 : 1);
    }

    private Task<LeaseResult> LeaseAsync(RedisStore on, SessionId session, int? room, double at = 0, int? max = null) => on.Queue.LeaseAsync(
        _agent, new LeaseRequest(session, max ?? room ?? 0, long.MaxValue, Start.AddMilliseconds(at), Start.AddMinutes(1)) { Room = room });

    private Task<AcceptResult> AcceptAsync(RedisStore on, SessionId? session, int room) => on.Queue.AcceptAsync(
        NewEvent(_agent) with { AcceptedAt = Start },
        Terms() with { Lease = session is { } asking ? new Lease(asking, Start.AddMinutes(1)) { Room = room } : null });
}
