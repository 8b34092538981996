using Relay.Server.Delivery;

namespace Relay.Server.Tests.Storage;

/// <summary>What is accepted together for a connection that has room, and may be kept together: nobody sees that it is.</summary>
public abstract partial class DeliveryQueueContract
{
    [Fact]
    public async Task Of_events_that_are_accepted_together_each_is_as_it_is()
    {
        var accepted = await AcceptTogetherAsync(40);

        await AckAsync(accepted[3..7], at: 2);
        await AckAsync([accepted[0], accepted[39]], at: 3);

        var ids = accepted.Select(static one => one.Id).ToArray();
        EventId[] done = [ids[0], .. ids[3..7], ids[39]];
        foreach (var one in accepted)
        {
            var found = await FindAsync(one.Id);
            Assert.Equal(done.Contains(one.Id) ? EventState.Delivered : EventState.Leased, found.State);
            Assert.Equal(BodyOf(one.Id, ids), found.Body.ToArray());
            Assert.Equal(Head, found.Head.ToArray());
            Assert.Equal(done.Contains(one.Id) ? null : At(30 + Array.IndexOf(ids, one.Id)), found.DueAt);
            Assert.Equal(1, found.AttemptCount);
        }

        var attempt = Assert.Single((await FindAsync(ids[4])).Attempts);
        Assert.Equal((1, AttemptOutcome.Acked, _session.Value, 2000L), (attempt.Number, attempt.Outcome, attempt.SessionId, attempt.DurationMs));
        Assert.Equal(done.OrderDescending(), await ListIdsAsync(EventStatus.Delivered));
        Assert.Equal(ids.Except(done).OrderDescending(), await ListIdsAsync(EventStatus.InFlight));
        Assert.Equal(ids.OrderDescending(), await ListIdsAsync(status: null));
        Assert.Equal(34, await ClaimAsync(at: 4));
    }

    [Fact]
    public async Task Events_that_were_all_acknowledged_are_listed_page_by_page()
    {
        var accepted = await AcceptTogetherAsync(50);
        await AckAsync([.. accepted.OrderBy(static _ => Random.Shared.Next())], at: 2);

        List<EventId> listed = [];
        EventId? before = null;
        do
        {
            var page = await Queue.ListAsync(_agent, new EventQuery(EventStatus.Delivered, before, Limit: 7));
            listed.AddRange(page.Events.Select(static one => one.Id));
            before = page.Next;
        }
        while (before is not null);
        Assert.Equal(accepted.Select(static one => one.Id).OrderDescending(), listed);
        Assert.Equal(0, await ClaimAsync(at: 3));
        Assert.Equal(SettleResult.AlreadyDelivered, await SettleAsync(Ack(accepted[11].Id), at: 4));
    }

    [Fact]
    public async Task Of_events_that_are_accepted_together_one_can_be_given_back()
    {
        var accepted = await AcceptTogetherAsync(5);
        await AckAsync(accepted[..1], at: 1);

        Assert.Equal(SettleResult.Settled, await SettleAsync(Retry(accepted[2].Id, due: 10, reason: "busy"), at: 2));

        // Where the others are is no longer what they were told.
        await AckAsync([accepted[1], accepted[3]], at: 3);
        var again = await LeaseAsync(at: 10);
        Assert.Equal([accepted[2].Id], Ids(again));
        Assert.Equal((2, 1), (again.Events[0].Attempt, again.Events[0].Failures));
        Assert.Equal(At(34), again.NextDue);
        Assert.Equal([accepted[3].Id, accepted[1].Id, accepted[0].Id], await ListIdsAsync(EventStatus.Delivered));
        Assert.Equal(SettleResult.Settled, await SettleAsync(DeadLetter(accepted[4].Id), at: 11));
        Assert.Equal(1, await ClaimAsync(at: 12));
    }

    [Fact]
    public async Task Of_events_that_are_accepted_together_one_can_be_extended()
    {
        var accepted = await AcceptTogetherAsync(3);
        await AckAsync(accepted[..1], at: 1);

        Assert.Equal([true, false], await Queue.ExtendAsync(_agent, _session, [accepted[1].Id, accepted[0].Id], At(90)));

        Assert.Equal([accepted[2].Id], Ids(await LeaseAsync(at: 32)));
        Assert.Equal([accepted[2].Id], Ids(await LeaseAsync(at: 89)));
        Assert.Equal([accepted[1].Id], Ids(await LeaseAsync(at: 90)));
    }

    [Fact]
    public async Task What_nobody_acknowledged_is_handed_out_again_each_when_its_own_lease_ends()
    {
        var accepted = await AcceptTogetherAsync(4);
        await AckAsync([accepted[0], accepted[2]], at: 1);

        Assert.Equal(At(31), (await LeaseAsync(at: 2)).NextDue);
        var first = await LeaseAsync(at: 32);
        Assert.Equal([accepted[1].Id], Ids(first));
        Assert.Equal(At(33), first.NextDue);
        Assert.Equal([accepted[3].Id], Ids(await LeaseAsync(at: 33)));
    }

    [Fact]
    public async Task A_claim_takes_what_another_connection_had_not_acknowledged()
    {
        var accepted = await AcceptTogetherAsync(10);
        await AckAsync(accepted[..4], at: 1);

        var next = SessionId.New();
        Assert.Equal(6, await ClaimAsync(at: 2, session: next));
        Assert.Equal(accepted[4..].Select(static one => one.Id), Ids(await LeaseAsync(at: 2, session: next)));

        // A late ack, by who had it before.
        await AckAsync(accepted[4..5], at: 3);
        Assert.Equal(5, await ClaimAsync(at: 4, session: next));
    }

    [Fact]
    public async Task Acks_of_events_that_were_accepted_together_survive_a_crash()
    {
        var accepted = await AcceptTogetherAsync(20);
        await AckAsync(accepted[..7], at: 1);

        await OpenAsync();

        Assert.Equal(accepted[..7].Select(static one => one.Id).OrderDescending(), await ListIdsAsync(EventStatus.Delivered));
        Assert.Equal(SettleResult.AlreadyDelivered, await SettleAsync(Ack(accepted[0].Id), at: 2));
        Assert.Equal(SettleResult.Settled, await SettleAsync(Ack(accepted[7].Id), at: 2));
        var next = SessionId.New();
        Assert.Equal(12, await ClaimAsync(at: 3, session: next));
        Assert.Equal(accepted[8..].Select(static one => one.Id), Ids(await LeaseAsync(at: 3, session: next)));
        Assert.Equal(BodyOf(accepted[8].Id, [.. accepted.Select(static one => one.Id)]), (await FindAsync(accepted[8].Id)).Body.ToArray());
    }

    [Fact]
    public async Task An_ack_that_is_sent_again_changes_nothing()
    {
        var accepted = await AcceptTogetherAsync(3);
        var acks = accepted.Select(one => Ack(one.Id) with { Place = one.Place }).ToArray();

        Assert.Equal([SettleResult.Settled, SettleResult.AlreadyDelivered], await Queue.SettleAsync(_agent, [acks[0], acks[0]], At(1)));
        Assert.Equal([SettleResult.AlreadyDelivered, SettleResult.Settled], await Queue.SettleAsync(_agent, [acks[0], acks[1]], At(2)));
        Assert.Equal([SettleResult.AlreadyDelivered, SettleResult.Settled, SettleResult.AlreadyDelivered], await Queue.SettleAsync(_agent, [acks[1], acks[2], acks[2]], At(3)));
        Assert.Equal(0, await ClaimAsync(at: 4));
    }

    [Fact]
    public async Task Of_events_that_are_accepted_together_a_duplicate_is_one()
    {
        await ClaimAsync();
        var (known, twice) = (NewKey(), NewKey());
        var first = await Queue.AcceptAsync(NewEvent(key: known), LeaseTerms());
        NewEvent[] events = [NewEvent(key: NewKey()), NewEvent(key: twice), NewEvent(key: known), NewEvent(), NewEvent(key: twice)];

        var results = await Task.WhenAll(events.Select(one => Queue.AcceptAsync(one, LeaseTerms())));

        Assert.Equal(
            [AcceptStatus.Leased, AcceptStatus.Leased, AcceptStatus.Duplicate, AcceptStatus.Leased, AcceptStatus.Duplicate], results.Select(static one => one.Status));
        Assert.Equal([first.Id, events[1].Id], new[] { results[2].Id, results[4].Id });
        Assert.Equal(4, await ClaimAsync(at: 1));
    }

    [Fact]
    public async Task Of_events_that_are_accepted_together_those_are_refused_that_are_too_many()
    {
        await ClaimAsync();

        var results = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => Queue.AcceptAsync(NewEvent(), LeaseTerms() with { MaxQueuedEvents = 7 })));

        Assert.Equal([.. Enumerable.Repeat(AcceptStatus.Leased, 7), .. Enumerable.Repeat(AcceptStatus.QueueFull, 3)], results.Select(static one => one.Status));
        Assert.Equal(7, await ClaimAsync(at: 1));
    }

    [Fact]
    public async Task Of_what_is_delivered_together_no_more_is_kept_than_may_be_and_little_less()
    {
        const int Kept = 100;
        await OpenAsync(new DeliveryOptions { DeliveredKept = Kept });
        var accepted = await AcceptTogetherAsync(250);
        await AckAsync(accepted, at: 1);

        var listed = await ListIdsAsync(EventStatus.Delivered, limit: 1000);
        Assert.InRange(listed.Count, Kept - 3, Kept);
        Assert.Equal(accepted.Select(static one => one.Id).OrderDescending().Take(listed.Count), listed);
        Assert.Null(await Queue.FindAsync(_agent, accepted[0].Id));
    }

    /// <summary>What one step may have to take apart is bounded; beyond that events are kept one by one.</summary>
    [Fact]
    public async Task However_many_are_held_each_is_handed_out_again()
    {
        const int Count = 3000;
        var accepted = await AcceptTogetherAsync(Count);
        await AckAsync([.. accepted.Where(static (_, i) => i % 3 == 0)], at: 1);

        var next = SessionId.New();
        Assert.Equal(Count * 2 / 3, await ClaimAsync(at: 2, session: next));
        List<EventId> again = [];
        for (var leased = await LeaseAsync(at: 2, max: 500, session: next); leased.Events.Count > 0; leased = await LeaseAsync(at: 2, max: 500, session: next))
        {
            again.AddRange(Ids(leased));
        }

        Assert.Equal(accepted.Where(static (_, i) => i % 3 != 0).Select(static one => one.Id).Order(), again.Order());
    }

    /// <summary>Accepts events at second 0, with bodies of their own, that are leased to <see cref="_session"/>, each a second longer than the one before.</summary>
    private async Task<AcceptResult[]> AcceptTogetherAsync(int count)
    {
        await ClaimAsync();
        var results = await Task.WhenAll(Enumerable.Range(0, count).Select(i => Queue.AcceptAsync(NewEvent(Body(i)), LeaseTerms(until: 30 + i))));
        Assert.All(results, static one => Assert.Equal(AcceptStatus.Leased, one.Status));
        return results;
    }

    private async Task AckAsync(AcceptResult[] accepted, double at)
    {
        var results = await Queue.SettleAsync(_agent, [.. accepted.Select(one => Ack(one.Id) with { Place = one.Place })], At(at));
        Assert.Equal(Enumerable.Repeat(SettleResult.Settled, accepted.Length), results);
    }

    private static byte[] BodyOf(EventId id, EventId[] ids) => Body(Array.IndexOf(ids, id));

    private static byte[] Body(int number) => [.. Enumerable.Repeat((byte)number, number % 7)];
}
