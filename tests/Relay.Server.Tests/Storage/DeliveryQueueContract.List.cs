using Relay.Protocol;
using Relay.Server.Delivery;

namespace Relay.Server.Tests.Storage;

public abstract partial class DeliveryQueueContract
{
    [Fact]
    public async Task Events_are_listed_by_their_status_newest_first()
    {
        var ids = await OneInEachStateAsync();

        Assert.Equal([ids[EventState.Ready], ids[EventState.Waiting]], await ListIdsAsync(EventStatus.Queued));
        Assert.Equal([ids[EventState.Leased]], await ListIdsAsync(EventStatus.InFlight));
        Assert.Equal([ids[EventState.Delivered]], await ListIdsAsync(EventStatus.Delivered));
        Assert.Equal([ids[EventState.Dead]], await ListIdsAsync(EventStatus.Dead));
        Assert.Equal([ids[EventState.Expired]], await ListIdsAsync(EventStatus.Expired));
        Assert.Equal(ids.Values.OrderDescending(), await ListIdsAsync(status: null));
    }

    [Fact]
    public async Task A_listed_event_says_what_it_is_without_its_body()
    {
        await ClaimAsync();
        var accepted = NewEvent(new byte[1234], at: 7);
        await Queue.AcceptAsync(accepted, Terms());
        await LeaseAsync(at: 8);
        await SettleAsync(Retry(accepted.Id, due: 60, failures: 2));

        var listed = Assert.Single((await Queue.ListAsync(_agent, new EventQuery(EventStatus.Queued, Before: null, Limit: 10))).Events);
        Assert.Equal(new EventSummary(accepted.Id, EventState.Waiting, At(7), listed.Head, 1234, AttemptCount: 1, Failures: 2, DueAt: At(60)), listed);
        Assert.Equal(Head, listed.Head.ToArray());
    }

    [Fact]
    public async Task Pages_follow_each_other_while_events_come_and_go()
    {
        await ClaimAsync();
        var ids = await AcceptManyAsync(10);
        var newestFirst = ids.OrderDescending().ToArray();

        var first = await Queue.ListAsync(_agent, new EventQuery(EventStatus.Queued, Before: null, Limit: 4));
        Assert.Equal(newestFirst[..4], first.Events.Select(one => one.Id));

        // The page's own last event goes, and new ones come: the next page begins where this one ended.
        await SettleAsync(Ack(newestFirst[3]));
        await SettleAsync(Ack(newestFirst[5]));
        await AcceptManyAsync(3);
        var second = await Queue.ListAsync(_agent, new EventQuery(EventStatus.Queued, first.Next, Limit: 4));
        Assert.Equal([newestFirst[4], .. newestFirst[6..9]], second.Events.Select(one => one.Id));

        var last = await Queue.ListAsync(_agent, new EventQuery(EventStatus.Queued, second.Next, Limit: 4));
        Assert.Equal([newestFirst[9]], last.Events.Select(one => one.Id));
        Assert.Null(last.Next);
    }

    [Fact]
    public async Task Pages_of_all_statuses_show_each_event_once()
    {
        var ids = await OneInEachStateAsync();
        List<EventId> seen = [];
        EventId? before = null;
        do
        {
            var page = await Queue.ListAsync(_agent, new EventQuery(Status: null, before, Limit: 1));
            seen.AddRange(page.Events.Select(one => one.Id));
            before = page.Next;
        }
        while (before is not null);

        Assert.Equal(ids.Values.OrderDescending(), seen);
    }

    [Fact]
    public async Task Pages_of_what_is_delivered_show_each_event_once_in_whatever_order_they_were()
    {
        await ClaimAsync();
        var ids = await AcceptManyAsync(300);
        var shuffled = ids.ToArray();
        new Random(300).Shuffle(shuffled);
        for (var i = 0; i < shuffled.Length; i += 50)
        {
            await Queue.SettleAsync(_agent, [.. shuffled[i..(i + 50)].Select(id => Ack(id))], At(i));
        }

        List<EventId> seen = [];
        EventId? before = null;
        do
        {
            var page = await Queue.ListAsync(_agent, new EventQuery(EventStatus.Delivered, before, Limit: 7));
            seen.AddRange(page.Events.Select(one => one.Id));
            before = page.Next;
        }
        while (before is not null);

        Assert.Equal(ids.OrderDescending(), seen);
    }

    [Fact]
    public async Task What_a_claim_takes_back_is_queued_again()
    {
        await ClaimAsync();
        var id = await AcceptAsync();
        await LeaseAsync();
        await Queue.ClaimAsync(_agent, SessionId.New(), At(1));

        Assert.Equal([id], await ListIdsAsync(EventStatus.Queued));
        Assert.Empty(await ListIdsAsync(EventStatus.InFlight));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_given_up_event_that_is_acknowledged_after_all_is_listed_as_delivered(bool expired)
    {
        await ClaimAsync();
        var id = await AcceptAsync();
        await LeaseAsync();
        await SettleAsync(expired ? Expire(id) : DeadLetter(id));
        await SettleAsync(Ack(id));

        Assert.Empty(await ListIdsAsync(EventStatus.Dead));
        Assert.Empty(await ListIdsAsync(EventStatus.Expired));
        Assert.Equal([id], await ListIdsAsync(EventStatus.Delivered));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_event_that_is_given_up_and_acknowledged_in_one_call_is_delivered_and_nothing_else(bool expired)
    {
        await ClaimAsync();
        var id = await AcceptAsync();
        await LeaseAsync();
        await Queue.SettleAsync(_agent, [expired ? Expire(id) : DeadLetter(id), Ack(id)], At(1));

        Assert.Empty(await ListIdsAsync(EventStatus.Dead));
        Assert.Empty(await ListIdsAsync(EventStatus.Expired));
        Assert.Equal([id], await ListIdsAsync(status: null));
    }

    [Fact]
    public async Task Delivered_events_that_made_room_are_not_listed()
    {
        await OpenAsync(new DeliveryOptions { DeliveredKept = 3 });
        var ids = await DeliverAsync(5);

        Assert.Equal(ids[2..].Reverse(), await ListIdsAsync(EventStatus.Delivered));
    }

    [Fact]
    public async Task What_is_not_kept_is_not_listed()
    {
        await OpenAsync(new DeliveryOptions { DeliveredKept = 0, DeadLetterRetention = TimeSpan.Zero });
        await DeliverAsync(2);
        var id = await AcceptAsync();
        await LeaseAsync();
        await SettleAsync(DeadLetter(id));
        await Queue.PruneAsync(At(1));

        Assert.Empty(await ListIdsAsync(status: null));
    }

    [Fact]
    public async Task An_agent_lists_its_own_events_only()
    {
        await AcceptAsync();

        Assert.Equal([], (await Queue.ListAsync(RelayId.New(), new EventQuery(Status: null, Before: null, Limit: 10))).Events);
    }

    [Fact]
    public async Task What_is_listed_survives_a_crash()
    {
        var ids = await OneInEachStateAsync();
        await OpenAsync();

        Assert.Equal(ids.Values.OrderDescending(), await ListIdsAsync(status: null));
    }

    [Fact]
    public async Task An_event_is_found_without_its_agent()
    {
        var agents = Enumerable.Range(0, 3).Select(_ => AgentStoreContract.NewAgent()).ToArray();
        foreach (var agent in agents)
        {
            await _store.Agents.AddAsync(agent, CancellationToken.None);
        }

        var accepted = NewEvent("hello"u8.ToArray(), agent: agents[1].Id);
        await Queue.AcceptAsync(accepted, Terms());

        var found = await Queue.FindAsync(accepted.Id);
        Assert.NotNull(found);
        Assert.Equal((accepted.Id, agents[1].Id), (found.Id, found.Agent));
        Assert.Equal("hello"u8.ToArray(), found.Body.ToArray());
        Assert.Null(await Queue.FindAsync(NewEventId()));

        var leased = NewEvent("leased"u8.ToArray(), agent: agents[2].Id);
        await Queue.ClaimAsync(agents[2].Id, _session, At(1));
        await Queue.AcceptAsync(leased, LeaseTerms());
        Assert.Equal((agents[2].Id, EventState.Leased), ((await Queue.FindAsync(leased.Id))?.Agent, (await Queue.FindAsync(leased.Id))?.State));
        await Queue.SettleAsync(agents[2].Id, [Ack(leased.Id)], At(2));
        Assert.Equal((agents[2].Id, EventState.Delivered), ((await Queue.FindAsync(leased.Id))?.Agent, (await Queue.FindAsync(leased.Id))?.State));
    }

    private async Task<IReadOnlyList<EventId>> ListIdsAsync(EventStatus? status, int limit = 100) =>
        [.. (await Queue.ListAsync(_agent, new EventQuery(status, Before: null, limit))).Events.Select(one => one.Id)];

    private async Task<Dictionary<EventState, EventId>> OneInEachStateAsync()
    {
        await ClaimAsync();
        Dictionary<EventState, EventId> ids = [];
        foreach (var state in (EventState[])[EventState.Dead, EventState.Waiting, EventState.Expired, EventState.Delivered, EventState.Leased])
        {
            ids[state] = (await Queue.AcceptAsync(NewEvent(), LeaseTerms())).Id;
        }

        await SettleAsync(DeadLetter(ids[EventState.Dead]));
        await SettleAsync(Retry(ids[EventState.Waiting], due: 60));
        await SettleAsync(Expire(ids[EventState.Expired]));
        await SettleAsync(Ack(ids[EventState.Delivered]));
        ids[EventState.Ready] = await AcceptAsync();
        return ids;
    }
}
