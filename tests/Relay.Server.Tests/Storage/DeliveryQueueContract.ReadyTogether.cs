using System.Text;
using Relay.Server.Delivery;

namespace Relay.Server.Tests.Storage;

/// <summary>What becomes ready together, and may be kept together: nobody sees that it is.</summary>
public abstract partial class DeliveryQueueContract
{
    [Fact]
    public async Task Of_events_that_become_ready_together_each_is_as_it_is()
    {
        var ids = await ReadyTogetherAsync(40);

        foreach (var (number, id) in ids.Index())
        {
            var found = await FindAsync(id);
            Assert.Equal((EventState.Ready, 0, null, At(0)), (found.State, found.AttemptCount, found.DueAt, found.AcceptedAt));
            Assert.Equal(Body(number), found.Body.ToArray());
            Assert.Equal(Head, found.Head.ToArray());
            Assert.Empty(found.Attempts);
        }

        Assert.Equal(ids.OrderDescending(), await ListIdsAsync(EventStatus.Queued));
        Assert.Equal(ids.OrderDescending(), await ListIdsAsync(status: null));
        Assert.Empty(await ListIdsAsync(EventStatus.InFlight));
        Assert.Equal(40, await ClaimAsync());
    }

    [Fact]
    public async Task They_are_handed_out_in_order_and_acknowledged()
    {
        var ids = await ReadyTogetherAsync(100);
        await ClaimAsync();

        var leased = await LeaseAsync(at: 1, max: 200);
        Assert.Equal(ids, Ids(leased));
        Assert.Equal((false, At(31)), (leased.More, leased.NextDue));
        foreach (var (number, one) in leased.Events.Index())
        {
            Assert.Equal(Body(number), one.Body.ToArray());
            Assert.Equal(Head, one.Head.ToArray());
            Assert.Equal((At(0), 1, 0, false), (one.AcceptedAt, one.Attempt, one.Failures, one.LossCounted));
        }

        Assert.Equal(ids.OrderDescending(), await ListIdsAsync(EventStatus.InFlight));
        Assert.Equal(At(31), (await FindAsync(ids[50])).DueAt);
        await AckAsync(leased.Events.Take(60), at: 2);
        Assert.Equal(40, await ClaimAsync(at: 3));
        await AckAsync(leased.Events.Skip(60), at: 4);
        Assert.Equal(ids.OrderDescending(), await ListIdsAsync(EventStatus.Delivered));
        var attempt = Assert.Single((await FindAsync(ids[70])).Attempts);
        Assert.Equal((1, AttemptOutcome.Acked, _session.Value, 3000L), (attempt.Number, attempt.Outcome, attempt.SessionId, attempt.DurationMs));
        Assert.Equal(0, await ClaimAsync(at: 5));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(33)]
    public async Task As_many_are_handed_out_as_are_asked_for(int max)
    {
        var ids = await ReadyTogetherAsync(70);
        await ClaimAsync();

        List<EventId> handedOut = [];
        for (var more = true; more;)
        {
            var leased = await LeaseAsync(max: max);
            Assert.Equal(Math.Min(max, ids.Length - handedOut.Count), leased.Events.Count);
            handedOut.AddRange(Ids(leased));
            more = leased.More;
        }

        Assert.Equal(ids, handedOut);
    }

    [Fact]
    public async Task Fewer_are_handed_out_where_fewer_are_enough_but_never_none()
    {
        var ids = await ReadyTogetherAsync(200);
        await ClaimAsync();

        List<EventId> handedOut = [];
        for (var more = true; more;)
        {
            var request = new LeaseRequest(_session, MaxEvents: 20, long.MaxValue, At(1), At(31)) { Enough = 10 };
            var leased = await Queue.LeaseAsync(_agent, request);
            Assert.InRange(leased.Events.Count, Math.Min(10, ids.Length - handedOut.Count), 20);
            handedOut.AddRange(Ids(leased));
            more = leased.More;
        }

        Assert.Equal(ids, handedOut);
    }

    [Fact]
    public async Task Bytes_end_what_is_handed_out_among_them()
    {
        var ids = await ReadyTogetherAsync(10);
        await ClaimAsync();

        // Bodies of 0 to 6 bytes: the third reaches it.
        var leased = await LeaseAsync(maxBytes: (3 * Head.Length) + 3);
        Assert.Equal(ids[..3], Ids(leased));
        Assert.True(leased.More);
        Assert.Equal(ids[3..], Ids(await LeaseAsync()));
    }

    [Fact]
    public async Task They_are_handed_out_between_those_that_became_ready_before_and_after()
    {
        var before = NewEvent() with { OrderingKey = NewKey() };
        await Queue.AcceptAsync(before, Terms());
        var ids = await ReadyTogetherAsync(10);
        var after = NewEvent() with { OrderingKey = NewKey() };
        await Queue.AcceptAsync(after, Terms());
        await ClaimAsync();

        // Nothing overtakes them.
        var late = await Queue.AcceptAsync(NewEvent(), LeaseTerms());
        Assert.Equal(AcceptStatus.Ready, late.Status);
        Assert.Equal([before.Id, .. ids, after.Id, late.Id], Ids(await LeaseAsync()));
        Assert.Equal(AcceptStatus.Leased, (await Queue.AcceptAsync(NewEvent(), LeaseTerms())).Status);
    }

    [Fact]
    public async Task Of_those_handed_out_together_one_can_be_given_back()
    {
        var ids = await ReadyTogetherAsync(5);
        await ClaimAsync();
        var leased = (await LeaseAsync(at: 1)).Events;
        await AckAsync(leased.Take(1), at: 2);

        Assert.Equal(SettleResult.Settled, await SettleAsync(leased[2].End(SettlementKind.Retry, _session, AttemptOutcome.Nacked, At(10)) with { Failures = 1 }, at: 2));
        await AckAsync([leased[1], leased[3]], at: 3);

        var again = await LeaseAsync(at: 10);
        Assert.Equal([ids[2]], Ids(again));
        Assert.Equal((2, 1), (again.Events[0].Attempt, again.Events[0].Failures));
        var attempt = Assert.Single((await FindAsync(ids[2])).Attempts);
        Assert.Equal((At(1).ToUnixTimeMilliseconds(), 1000L), (attempt.At, attempt.DurationMs));
        Assert.Equal(At(31), again.NextDue);
        Assert.Equal([ids[4]], Ids(await LeaseAsync(at: 31)));
    }

    [Fact]
    public async Task Of_those_that_are_ready_one_can_be_acknowledged()
    {
        var ids = await ReadyTogetherAsync(5);
        await ClaimAsync();

        Assert.Equal(SettleResult.Settled, await SettleAsync(Ack(ids[2])));

        Assert.Equal([.. ids[..2], .. ids[3..]], Ids(await LeaseAsync()));
        Assert.Equal(EventState.Delivered, (await FindAsync(ids[2])).State);
        Assert.Equal(SettleResult.NotHeld, await SettleAsync(Retry(ids[0], due: 5, session: SessionId.New())));
    }

    [Fact]
    public async Task A_claim_takes_what_another_connection_was_handed_of_them_and_leaves_the_others()
    {
        var ids = await ReadyTogetherAsync(60);
        await ClaimAsync();
        var leased = (await LeaseAsync(at: 1, max: 32)).Events;
        await AckAsync(leased.Take(4), at: 2);

        var next = SessionId.New();
        Assert.Equal(56, await ClaimAsync(at: 3, session: next));
        Assert.Equal(ids[4..], Ids(await LeaseAsync(at: 3, session: next)));

        // Late acks, by who had them before.
        await AckAsync(leased.Skip(4).Take(3), at: 4);
        Assert.Equal(53, await ClaimAsync(at: 5, session: next));
    }

    [Fact]
    public async Task They_survive_a_crash_and_so_do_their_acks()
    {
        var ids = await ReadyTogetherAsync(50);
        await OpenAsync();
        await ClaimAsync();
        var leased = (await LeaseAsync(at: 1, max: 40)).Events;
        await AckAsync(leased.Take(10), at: 2);

        await OpenAsync();

        Assert.Equal(ids[40..].OrderDescending(), await ListIdsAsync(EventStatus.Queued));
        Assert.Equal(ids[10..40].OrderDescending(), await ListIdsAsync(EventStatus.InFlight));
        Assert.Equal(ids[..10].OrderDescending(), await ListIdsAsync(EventStatus.Delivered));
        Assert.Equal(ids[40..], Ids(await LeaseAsync(at: 2)));
        Assert.Equal(ids[10..40], Ids(await LeaseAsync(at: 31)));
    }

    [Fact]
    public async Task Who_needs_no_claim_is_handed_them_one_by_one()
    {
        var ids = await ReadyTogetherAsync(100);

        Assert.Equal(ids[..3], Ids(await LeaseAsync(max: 3, session: Poll)));
        Assert.Equal(ids[3..5], Ids(await LeaseAsync(max: 2, session: SessionId.NewHttp())));
        var sharing = new LeaseRequest(SessionId.New().AsShared(), MaxEvents: 50, long.MaxValue, At(0), At(30)) { Room = 50 };
        Assert.Equal(ids[5..55], Ids(await Queue.LeaseAsync(_agent, sharing)));
        await SettleAsync(Ack(ids[1], Poll));
        await ClaimAsync();
        Assert.Equal(ids[5..], Ids(await LeaseAsync(max: 100)));
    }

    [Fact]
    public async Task They_expire_the_oldest_first()
    {
        var ids = await ReadyTogetherAsync(60);
        await ClaimAsync();

        var first = await Queue.ExpireAsync(_agent, ids[45], At(1), limit: 10);
        Assert.Equal(ids[..10], first.Expired);
        Assert.Equal(ids[10], first.OldestLeft);
        Assert.Equal(ids[10..45], (await Queue.ExpireAsync(_agent, ids[45], At(1), limit: 100)).Expired);
        Assert.Equal(15, await ClaimAsync(at: 2));
        Assert.Equal(ids[45..], Ids(await LeaseAsync(at: 2)));
        Assert.Equal(ids[..45].OrderDescending(), await ListIdsAsync(EventStatus.Expired));
    }

    [Fact]
    public async Task They_are_listed_page_by_page_among_others()
    {
        List<EventId> ids = [];
        for (var some = 0; some < 8; some++)
        {
            ids.AddRange(await ReadyTogetherAsync(17));
            var own = NewEvent() with { OrderingKey = NewKey() };
            await Queue.AcceptAsync(own, Terms());
            ids.Add(own.Id);
        }

        List<EventId> listed = [];
        EventId? before = null;
        do
        {
            var page = await Queue.ListAsync(_agent, new EventQuery(EventStatus.Queued, before, Limit: 7));
            listed.AddRange(page.Events.Select(static one => one.Id));
            before = page.Next;
        }
        while (before is not null);
        Assert.Equal(ids.OrderDescending(), listed);
    }

    [Fact]
    public async Task Each_is_listed_with_its_own_head()
    {
        NewEvent[] events = [.. Enumerable.Range(0, 20).Select(i => NewEvent(Body(i)) with { Head = Encoding.ASCII.GetBytes($$"""{"path":"/{{new string('a', i)}}"}""") })];
        await Task.WhenAll(events.Select(one => Queue.AcceptAsync(one, Terms())));
        await AssertListedAsync(EventStatus.Queued);
        await ClaimAsync();
        var leased = await LeaseAsync();
        await AssertListedAsync(EventStatus.InFlight);
        await AckAsync(leased.Events, at: 1);
        await AssertListedAsync(EventStatus.Delivered);

        async Task AssertListedAsync(EventStatus status)
        {
            var page = await Queue.ListAsync(_agent, new EventQuery(status, Before: null, Limit: 30));
            Assert.Equal(
                events.OrderByDescending(static one => one.Id).Select(static one => (one.Id, Encoding.ASCII.GetString(one.Head.Span), one.Body.Length)),
                page.Events.Select(static one => (one.Id, Encoding.ASCII.GetString(one.Head.Span), (int)one.BodyBytes)));
        }
    }

    [Fact]
    public async Task A_duplicate_of_one_that_is_ready_is_one_and_too_many_are_refused()
    {
        var (known, twice) = (NewKey(), NewKey());
        var first = await Queue.AcceptAsync(NewEvent(key: known), Terms());
        NewEvent[] events = [NewEvent(key: NewKey()), NewEvent(key: twice), NewEvent(key: known), NewEvent(), NewEvent(key: twice)];

        var results = await Task.WhenAll(events.Select(one => Queue.AcceptAsync(one, Terms(maxEvents: 4))));

        Assert.Equal(
            [AcceptStatus.Ready, AcceptStatus.Ready, AcceptStatus.Duplicate, AcceptStatus.Ready, AcceptStatus.Duplicate], results.Select(static one => one.Status));
        Assert.Equal([first.Id, events[1].Id], new[] { results[2].Id, results[4].Id });
        var full = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => Queue.AcceptAsync(NewEvent(), Terms(maxEvents: 5))));
        Assert.Equal([AcceptStatus.Ready, AcceptStatus.QueueFull, AcceptStatus.QueueFull], full.Select(static one => one.Status));
    }

    /// <summary>Accepts events at second 0, with bodies of their own, that become ready.</summary>
    private async Task<EventId[]> ReadyTogetherAsync(int count)
    {
        var results = await Task.WhenAll(Enumerable.Range(0, count).Select(i => Queue.AcceptAsync(NewEvent(Body(i)), Terms())));
        Assert.All(results, static one => Assert.Equal(AcceptStatus.Ready, one.Status));
        return [.. results.Select(static one => one.Id)];
    }

    private async Task AckAsync(IEnumerable<LeasedEvent> leased, double at)
    {
        var acks = leased.Select(one => Ack(one.Id) with { Place = one.Place }).ToArray();
        Assert.Equal(Enumerable.Repeat(SettleResult.Settled, acks.Length), await Queue.SettleAsync(_agent, acks, At(at)));
    }
}
