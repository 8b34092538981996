using Relay.Server.Delivery;

namespace Relay.Server.Tests.Storage;

public abstract partial class DeliveryQueueContract
{
    [Fact]
    public async Task What_nobody_works_on_expires_the_oldest_first()
    {
        await ClaimAsync();
        var ids = await AcceptManyAsync(5);
        await LeaseAsync(max: 3);
        await SettleAsync(Retry(ids[0], due: 1000));
        await SettleAsync(Retry(ids[1], due: 1));

        // The third is in somebody's hands, the fifth is too young.
        var result = await Queue.ExpireAsync(_agent, ids[4], At(10), limit: 100);

        Assert.Equal([ids[0], ids[1], ids[3]], result.Expired);
        Assert.Equal(ids[2], result.OldestLeft);
        Assert.Equal(
            [EventState.Expired, EventState.Expired, EventState.Leased, EventState.Expired, EventState.Ready],
            await Task.WhenAll(ids.Select(async id => (await FindAsync(id)).State)));
        Assert.Equal(2, await ClaimAsync(at: 10));
    }

    [Fact]
    public async Task What_has_expired_is_handed_out_no_more_listed_and_kept()
    {
        await OpenAsync(new DeliveryOptions { DeadLetterRetention = TimeSpan.FromSeconds(100) });
        await ClaimAsync();
        var ids = await AcceptManyAsync(3);
        await Queue.ExpireAsync(_agent, ids[2], At(10), limit: 100);

        Assert.Equal([ids[1], ids[0]], (await Queue.ListAsync(_agent, new EventQuery(EventStatus.Expired, Before: null, Limit: 10))).Events.Select(one => one.Id));
        Assert.Equal([ids[2]], Ids(await LeaseAsync(at: 10)));
        if (_harness.ForgetsByItself) return;

        Assert.Equal(0, await Queue.PruneAsync(At(109)));
        Assert.Equal(2, await Queue.PruneAsync(At(111)));
    }

    [Fact]
    public async Task A_lease_that_ran_out_is_ended_by_expiry()
    {
        await ClaimAsync();
        var id = (await Queue.AcceptAsync(NewEvent(), LeaseTerms(until: 30))).Id;
        var later = NewEventId();

        Assert.Empty((await Queue.ExpireAsync(_agent, later, At(29), limit: 100)).Expired);
        Assert.Equal([id], (await Queue.ExpireAsync(_agent, later, At(31), limit: 100)).Expired);
        var attempt = Assert.Single((await FindAsync(id)).Attempts);
        Assert.Equal((AttemptOutcome.LeaseExpired, 30_000L), (attempt.Outcome, attempt.DurationMs));
        Assert.Equal(SettleResult.NotHeld, await SettleAsync(Retry(id, due: 60), at: 32));
        Assert.Equal(SettleResult.Settled, await SettleAsync(Ack(id), at: 33));
    }

    [Fact]
    public async Task Expiry_stops_at_its_limit_and_goes_on_when_asked_again()
    {
        var ids = await AcceptManyAsync(5);
        var later = NewEventId();

        Assert.Equal(ids[..2], (await Queue.ExpireAsync(_agent, later, At(1), limit: 2)).Expired);
        var rest = await Queue.ExpireAsync(_agent, later, At(1), limit: 10);
        Assert.Equal(ids[2..], rest.Expired);
        Assert.Null(rest.OldestLeft);
        Assert.Null((await Queue.ExpireAsync(Protocol.RelayId.New(), later, At(1), limit: 10)).OldestLeft);
    }

    [Fact]
    public async Task Expired_events_make_room_in_the_quota()
    {
        var first = NewEvent();
        await Queue.AcceptAsync(first, Terms(maxEvents: 1));
        Assert.Equal(AcceptStatus.QueueFull, (await Queue.AcceptAsync(NewEvent(), Terms(maxEvents: 1))).Status);
        await Queue.ExpireAsync(_agent, NewEventId(), At(1), limit: 10);

        Assert.Equal(AcceptStatus.Ready, (await Queue.AcceptAsync(NewEvent(), Terms(maxEvents: 1, maxBytes: first.SizeBytes))).Status);
    }

    [Fact]
    public async Task A_claim_tells_what_was_given_up_until_it_is_forgotten()
    {
        await ClaimAsync();
        EventId[] ids = [await AcceptAsync(at: 1), await AcceptAsync(at: 2), await AcceptAsync(at: 3), await AcceptAsync(at: 4), await AcceptAsync(at: 5)];
        await LeaseAsync(max: 3);
        await SettleAsync(DeadLetter(ids[0]), at: 6);
        await SettleAsync(new Settlement(ids[1], SettlementKind.DeadLetter, _session, AttemptOutcome.Nacked), at: 6);
        await SettleAsync(Expire(ids[2]), at: 6);
        await Queue.ExpireAsync(_agent, ids[4], At(7), limit: 10);

        // What the agent nacked itself it knows of.
        Gap expired = new(GapReason.Expired, 2, At(3), At(4)), dead = new(GapReason.Dead, 1, At(1), At(1));
        Assert.Equal([expired, dead], await GapsAsync());
        Assert.Equal([expired, dead], await GapsAsync());

        await Queue.ExpireAsync(_agent, NewEventId(), At(8), limit: 10);
        await Queue.ForgetGapsAsync(_agent, [expired, dead]);
        Assert.Equal([new Gap(GapReason.Expired, 1, At(4), At(5))], await GapsAsync());
        await Queue.ForgetGapsAsync(_agent, [new Gap(GapReason.Expired, 1, At(4), At(5))]);
        Assert.Empty(await GapsAsync());
    }

    [Fact]
    public async Task Gaps_survive_a_crash()
    {
        await AcceptAsync(at: 1);
        await Queue.ExpireAsync(_agent, NewEventId(), At(8), limit: 10);
        await OpenAsync();

        Assert.Equal([new Gap(GapReason.Expired, 1, At(1), At(1))], await GapsAsync());
    }

    private async Task<IReadOnlyList<Gap>> GapsAsync() => (await Queue.ClaimAsync(_agent, _session, At(9))).Gaps;
}
