using Relay.Protocol;
using Relay.Server.Delivery;

namespace Relay.Server.Tests.Storage;

public abstract partial class DeliveryQueueContract
{
    [Fact]
    public async Task An_acknowledged_event_is_not_handed_out_again()
    {
        await ClaimAsync();
        var id = await AcceptAsync();
        await LeaseOneAsync();

        Assert.Equal(SettleResult.Settled, await SettleAsync(Ack(id), at: 1));
        Assert.Equal(EventState.Delivered, (await FindAsync(id)).State);
        var later = await LeaseAsync(at: 1000);
        Assert.Empty(later.Events);
        Assert.Null(later.NextDue);
        Assert.Equal(0, await ClaimAsync());
    }

    [Fact]
    public async Task A_second_acknowledgement_changes_nothing()
    {
        await ClaimAsync();
        var id = await AcceptAsync();
        await LeaseOneAsync();
        await SettleAsync(Ack(id));

        Assert.Equal(SettleResult.AlreadyDelivered, await SettleAsync(Ack(id)));
        Assert.Equal(SettleResult.AlreadyDelivered, await SettleAsync(Ack(id, SessionId.New())));
        Assert.Single((await FindAsync(id)).Attempts);
    }

    [Fact]
    public async Task An_acknowledgement_counts_after_the_lease_is_over()
    {
        await ClaimAsync();
        var id = await AcceptAsync();
        await LeaseOneAsync(at: 0);

        Assert.Equal(SettleResult.Settled, await SettleAsync(Ack(id), at: 500));
        Assert.Empty((await LeaseAsync(at: 1000)).Events);
    }

    [Fact]
    public async Task An_acknowledgement_counts_while_the_event_waits_and_after_another_session_holds_it()
    {
        await ClaimAsync();
        var ids = await AcceptManyAsync(2);
        await LeaseAsync();
        await SettleAsync(Retry(ids[0], due: 60));
        var newer = SessionId.New();
        await Queue.ClaimAsync(_agent, newer, At(1));
        Assert.Equal([ids[1]], Ids(await LeaseAsync(at: 1, session: newer)));

        Assert.Equal(SettleResult.Settled, await SettleAsync(Ack(ids[0])));
        Assert.Equal(SettleResult.Settled, await SettleAsync(Ack(ids[1])));
        Assert.Empty((await LeaseAsync(at: 1000, session: newer)).Events);
    }

    [Fact]
    public async Task An_acknowledgement_counts_while_the_event_is_ready()
    {
        await ClaimAsync();
        var id = await AcceptAsync();

        Assert.Equal(SettleResult.Settled, await SettleAsync(Ack(id)));
        Assert.Empty((await LeaseAsync()).Events);
        Assert.Equal(AcceptStatus.Leased, (await Queue.AcceptAsync(NewEvent(), LeaseTerms())).Status);
    }

    [Fact]
    public async Task What_ends_an_earlier_attempt_leaves_a_later_one_of_the_same_session_alone()
    {
        await ClaimAsync();
        var id = await AcceptAsync();
        Assert.Equal(1, (await LeaseOneAsync(at: 0)).Attempt);
        var again = await LeaseOneAsync(at: 31);
        Assert.Equal(2, again.Attempt);

        Assert.Equal(SettleResult.NotHeld, await SettleAsync(Retry(id, due: 31) with { Attempt = 1 }, at: 31));
        Assert.Equal(SettleResult.NotHeld, await SettleAsync(DeadLetter(id) with { Attempt = 1 }, at: 31));
        Assert.Equal(EventState.Leased, (await FindAsync(id)).State);

        Assert.Equal(SettleResult.Settled, await SettleAsync(Retry(id, due: 60) with { Attempt = 2 }, at: 32));
        Assert.Equal(EventState.Waiting, (await FindAsync(id)).State);
    }

    [Fact]
    public async Task An_acknowledgement_counts_after_the_event_was_given_up()
    {
        await ClaimAsync();
        var ids = await AcceptManyAsync(2);
        await LeaseAsync();
        await SettleAsync(DeadLetter(ids[0]));
        await SettleAsync(Expire(ids[1]));

        Assert.Equal(SettleResult.Settled, await SettleAsync(Ack(ids[0])));
        Assert.Equal(SettleResult.Settled, await SettleAsync(Ack(ids[1])));
        Assert.Equal(EventState.Delivered, (await FindAsync(ids[0])).State);
        Assert.Equal(EventState.Delivered, (await FindAsync(ids[1])).State);
    }

    [Fact]
    public async Task An_unknown_event_is_said_to_be_unknown()
    {
        await ClaimAsync();
        Assert.Equal(SettleResult.Unknown, await SettleAsync(Ack(NewEventId())));
        Assert.Equal(SettleResult.Unknown, await SettleAsync(Retry(NewEventId(), due: 1)));
        Assert.Equal(SettleResult.Unknown, await SettleAsync(Ack(NewEventId()), agent: RelayId.New()));
    }

    [Fact]
    public async Task Another_agents_event_is_unknown_and_stays_as_it_is()
    {
        await ClaimAsync();
        var other = RelayId.New();
        await Queue.ClaimAsync(other, _session, Start);
        var id = await AcceptAsync();
        await LeaseOneAsync();

        Assert.Equal(SettleResult.Unknown, await SettleAsync(Ack(id), agent: other));
        Assert.Equal(SettleResult.Unknown, await SettleAsync(DeadLetter(id), agent: other));
        Assert.Equal([false], await Queue.ExtendAsync(other, _session, [id], At(500)));
        Assert.Null(await Queue.FindAsync(other, id));
        Assert.Equal(EventState.Leased, (await FindAsync(id)).State);
    }

    [Fact]
    public async Task A_retried_event_waits_until_it_is_due()
    {
        await ClaimAsync();
        var id = await AcceptAsync();
        await LeaseOneAsync();

        Assert.Equal(SettleResult.Settled, await SettleAsync(Retry(id, due: 5, failures: 2, lossCounted: true), at: 1));

        var found = await FindAsync(id);
        Assert.Equal((EventState.Waiting, 2, At(5)), (found.State, found.Failures, found.DueAt));
        Assert.Empty((await LeaseAsync(at: 4.999)).Events);
        var again = await LeaseOneAsync(at: 5);
        Assert.Equal((2, 2, true), (again.Attempt, again.Failures, again.LossCounted));
    }

    [Fact]
    public async Task Only_the_holder_can_retry_or_give_up()
    {
        await ClaimAsync();
        var id = await AcceptAsync();
        Assert.Equal(SettleResult.NotHeld, await SettleAsync(Retry(id, due: 1)));
        await LeaseOneAsync();
        var stranger = SessionId.New();

        Assert.Equal(SettleResult.NotHeld, await SettleAsync(Retry(id, due: 1, session: stranger)));
        Assert.Equal(SettleResult.NotHeld, await SettleAsync(DeadLetter(id, session: stranger)));
        Assert.Equal(SettleResult.NotHeld, await SettleAsync(Expire(id, session: stranger)));
        var found = await FindAsync(id);
        Assert.Equal((EventState.Leased, 0, At(30)), (found.State, found.Failures, found.DueAt));
        Assert.Empty(found.Attempts);
    }

    [Fact]
    public async Task What_is_no_longer_leased_cannot_be_retried()
    {
        await ClaimAsync();
        var ids = await AcceptManyAsync(3);
        await LeaseAsync();
        await SettleAsync(Retry(ids[0], due: 60));
        await SettleAsync(DeadLetter(ids[1]));
        await SettleAsync(Ack(ids[2]));

        Assert.Equal(SettleResult.NotHeld, await SettleAsync(Retry(ids[0], due: 1)));
        Assert.Equal(SettleResult.NotHeld, await SettleAsync(Retry(ids[1], due: 1)));
        Assert.Equal(SettleResult.AlreadyDelivered, await SettleAsync(Retry(ids[2], due: 1)));
        Assert.Equal(At(60), (await FindAsync(ids[0])).DueAt);
    }

    [Fact]
    public async Task A_given_up_event_is_kept_and_not_handed_out()
    {
        await ClaimAsync();
        var ids = await AcceptManyAsync(2);
        await LeaseAsync();

        Assert.Equal(SettleResult.Settled, await SettleAsync(DeadLetter(ids[0], failures: 6), at: 1));
        Assert.Equal(SettleResult.Settled, await SettleAsync(Expire(ids[1]), at: 1));

        var dead = await FindAsync(ids[0]);
        Assert.Equal((EventState.Dead, 6), (dead.State, dead.Failures));
        Assert.Equal(AttemptOutcome.TimedOut, Assert.Single(dead.Attempts).Outcome);
        var expired = await FindAsync(ids[1]);
        Assert.Equal(EventState.Expired, expired.State);
        Assert.Equal(AttemptOutcome.Expired, Assert.Single(expired.Attempts).Outcome);
        var later = await LeaseAsync(at: 1000);
        Assert.Empty(later.Events);
        Assert.Null(later.NextDue);
        Assert.Equal(0, await ClaimAsync());
    }

    [Fact]
    public async Task Many_settlements_in_one_call_have_each_their_result_in_order()
    {
        await ClaimAsync();
        var ids = await AcceptManyAsync(3);
        await LeaseAsync();

        var results = await Queue.SettleAsync(
            _agent,
            [Ack(ids[2]), Ack(NewEventId()), Retry(ids[0], due: 5), Ack(ids[2]), DeadLetter(ids[1], session: SessionId.New())],
            At(1));

        Assert.Equal(
            [SettleResult.Settled, SettleResult.Unknown, SettleResult.Settled, SettleResult.AlreadyDelivered, SettleResult.NotHeld],
            results);
        Assert.Equal(2, await ClaimAsync());
    }

    [Fact]
    public async Task No_settlement_is_no_result()
    {
        Assert.Empty(await Queue.SettleAsync(_agent, [], Start));
        Assert.Empty(await Queue.ExtendAsync(_agent, _session, [], Start));
    }

    [Fact]
    public async Task The_history_tells_of_every_ended_attempt()
    {
        await ClaimAsync();
        var id = await AcceptAsync();
        await LeaseOneAsync(at: 1);
        Assert.Empty((await FindAsync(id)).Attempts);
        await SettleAsync(Retry(id, due: 5, reason: "busy \"now\" \u2013 \\ later"), at: 3.5);
        await LeaseOneAsync(at: 5);
        await SettleAsync(Ack(id), at: 5.25);

        var found = await FindAsync(id);

        Assert.Equal(_agent, found.Agent);
        Assert.Equal(id, found.Id);
        Assert.Equal(2, found.AttemptCount);
        Assert.Equal(
            [
                new AttemptRecord(
                    1, At(1).ToUnixTimeMilliseconds(), "websocket", _session.Value, AttemptOutcome.Nacked, "busy \"now\" \u2013 \\ later", 2500),
                new AttemptRecord(2, At(5).ToUnixTimeMilliseconds(), "websocket", _session.Value, AttemptOutcome.Acked, null, 250),
            ],
            found.Attempts);
    }

    [Fact]
    public async Task The_history_keeps_the_first_hundred_attempts()
    {
        await ClaimAsync();
        var id = await AcceptAsync();
        for (var i = 0; i < 105; i++)
        {
            await LeaseOneAsync(at: i);
            await SettleAsync(Retry(id, due: i + 1, failures: i + 1), at: i);
        }

        var found = await FindAsync(id);
        Assert.Equal((105, 105), (found.AttemptCount, found.Failures));
        Assert.Equal(Enumerable.Range(1, 100), found.Attempts.Select(attempt => attempt.Number));
    }

    [Fact]
    public async Task An_unknown_event_is_not_found()
    {
        await AcceptAsync();
        Assert.Null(await Queue.FindAsync(_agent, NewEventId()));
        Assert.Null(await Queue.FindAsync(RelayId.New(), NewEventId()));
    }
}
