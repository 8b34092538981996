using Relay.Protocol;
using Relay.Server.Delivery;

namespace Relay.Server.Tests.Storage;

public abstract partial class DeliveryQueueContract
{
    [Fact]
    public async Task Nothing_due_is_an_empty_batch()
    {
        await ClaimAsync();
        var result = await LeaseAsync();

        Assert.Empty(result.Events);
        Assert.False(result.More);
        Assert.Null(result.NextDue);
        Assert.False(result.Superseded);
    }

    [Fact]
    public async Task A_batch_ends_at_its_count_and_says_that_more_is_due()
    {
        await ClaimAsync();
        var ids = await AcceptManyAsync(5);

        var first = await LeaseAsync(max: 3);
        var second = await LeaseAsync(max: 2);

        Assert.Equal(ids[..3], Ids(first));
        Assert.True(first.More);
        Assert.Equal(ids[3..], Ids(second));
        Assert.False(second.More);
        Assert.Equal(Start + AckTimeout, second.NextDue);
    }

    [Fact]
    public async Task A_batch_ends_with_the_event_that_reaches_its_bytes()
    {
        await ClaimAsync();
        for (var i = 0; i < 4; i++) await Queue.AcceptAsync(NewEvent(new byte[1000 - Head.Length]), Terms());

        var reached = await LeaseAsync(maxBytes: 2000);
        Assert.Equal(2, reached.Events.Count);
        Assert.True(reached.More);

        var atLeastOne = await LeaseAsync(maxBytes: 1);
        Assert.Single(atLeastOne.Events);
        Assert.True(atLeastOne.More);

        var last = await LeaseAsync(maxBytes: 1001);
        Assert.Single(last.Events);
        Assert.False(last.More);
    }

    [Fact]
    public async Task Next_due_is_the_earliest_lease_or_waiting_event()
    {
        await ClaimAsync();
        var ids = await AcceptManyAsync(2);
        await LeaseAsync(max: 1, at: 0);
        Assert.Equal(At(30), (await LeaseAsync(max: 1, at: 5)).NextDue);

        await SettleAsync(Retry(ids[1], due: 20), at: 6);
        Assert.Equal(At(20), (await LeaseAsync(at: 7)).NextDue);

        await SettleAsync(Ack(ids[1]), at: 8);
        Assert.Equal(At(30), (await LeaseAsync(at: 9)).NextDue);
    }

    [Fact]
    public async Task More_counts_what_is_waiting_and_due()
    {
        await ClaimAsync();
        var ids = await AcceptManyAsync(2);
        await LeaseAsync();
        foreach (var id in ids) await SettleAsync(Retry(id, due: 5));

        Assert.Empty((await LeaseAsync(at: 4.999, max: 1)).Events);
        Assert.True((await LeaseAsync(at: 5, max: 1)).More);
        Assert.False((await LeaseAsync(at: 5, max: 1)).More);
    }

    [Fact]
    public async Task What_is_waiting_and_due_goes_before_what_is_ready_earliest_due_first()
    {
        await ClaimAsync();
        var ids = await AcceptManyAsync(3);
        await LeaseAsync();
        await SettleAsync(Retry(ids[0], due: 9));
        await SettleAsync(Retry(ids[1], due: 3));
        await SettleAsync(Retry(ids[2], due: 100));
        var ready = await AcceptAsync();

        var result = await LeaseAsync(at: 10);

        Assert.Equal([ids[1], ids[0], ready], Ids(result));
        Assert.Equal([2, 2, 1], result.Events.Select(leased => leased.Attempt));
        Assert.False(result.More);
    }

    [Fact]
    public async Task A_lease_is_exclusive_until_its_deadline()
    {
        await ClaimAsync();
        await AcceptAsync();
        await LeaseOneAsync(at: 0);

        Assert.Empty((await LeaseAsync(at: 29.999)).Events);
        Assert.Single((await LeaseAsync(at: 30)).Events);
    }

    [Fact]
    public async Task A_lease_that_ran_out_counts_as_a_failure_once()
    {
        await ClaimAsync();
        var id = await AcceptAsync();
        var first = await LeaseOneAsync(at: 0);
        var second = await LeaseOneAsync(at: 100);
        var third = await LeaseOneAsync(at: 200);

        Assert.Equal((1, 0, false), (first.Attempt, first.Failures, first.LossCounted));
        Assert.Equal((2, 1, true), (second.Attempt, second.Failures, second.LossCounted));
        Assert.Equal((3, 1, true), (third.Attempt, third.Failures, third.LossCounted));

        var found = await FindAsync(id);
        Assert.Equal(3, found.AttemptCount);
        Assert.Equal(1, found.Failures);
        Assert.Equal([1, 2], found.Attempts.Select(attempt => attempt.Number));
        Assert.Equal([At(0).ToUnixTimeMilliseconds(), At(100).ToUnixTimeMilliseconds()], found.Attempts.Select(attempt => attempt.At));
        Assert.All(found.Attempts, attempt => Assert.Equal(AttemptOutcome.LeaseExpired, attempt.Outcome));
        Assert.All(found.Attempts, attempt => Assert.Equal(_session.Value, attempt.SessionId));
    }

    [Fact]
    public async Task An_attempt_whose_lease_ran_out_lasted_until_its_deadline_whenever_that_is_found()
    {
        await ClaimAsync();
        var id = await AcceptAsync();
        await LeaseOneAsync(at: 0);
        await LeaseOneAsync(at: 500);

        Assert.Equal(AckTimeout.TotalMilliseconds, Assert.Single((await FindAsync(id)).Attempts).DurationMs);
    }

    [Fact]
    public async Task A_failure_counted_before_stays_when_a_lease_runs_out()
    {
        await ClaimAsync();
        var id = await AcceptAsync();
        await LeaseOneAsync();
        await SettleAsync(Retry(id, due: 1, failures: 3));
        await LeaseOneAsync(at: 1);

        var afterLoss = await LeaseOneAsync(at: 100);

        Assert.Equal((3, 4, true), (afterLoss.Attempt, afterLoss.Failures, afterLoss.LossCounted));
    }

    [Fact]
    public async Task A_run_out_lease_on_acceptance_is_handed_out_as_the_second_attempt()
    {
        await ClaimAsync();
        var accepted = await Queue.AcceptAsync(NewEvent(at: 1), LeaseTerms(until: 31));

        var leased = await LeaseOneAsync(at: 31);

        Assert.Equal((accepted.Id, 2, 1, true), (leased.Id, leased.Attempt, leased.Failures, leased.LossCounted));
        var attempt = Assert.Single((await FindAsync(accepted.Id)).Attempts);
        Assert.Equal(At(1).ToUnixTimeMilliseconds(), attempt.At);
    }

    [Fact]
    public async Task Extending_moves_the_deadline_for_the_holder_only()
    {
        await ClaimAsync();
        var id = await AcceptAsync();
        await LeaseOneAsync(at: 0);

        Assert.Equal([false], await Queue.ExtendAsync(_agent, SessionId.New(), [id], At(500)));
        Assert.Equal(At(30), (await FindAsync(id)).DueAt);

        Assert.Equal([false, true], await Queue.ExtendAsync(_agent, _session, [NewEventId(), id], At(60)));
        Assert.Equal(At(60), (await FindAsync(id)).DueAt);
        var before = await LeaseAsync(at: 59.999);
        Assert.Empty(before.Events);
        Assert.Equal(At(60), before.NextDue);
        Assert.Equal(2, (await LeaseOneAsync(at: 60)).Attempt);
    }

    [Fact]
    public async Task Only_a_lease_can_be_extended()
    {
        await ClaimAsync();
        var ready = await AcceptAsync();
        var accepted = await Queue.AcceptAsync(NewEvent(agent: RelayId.New()), Terms());
        Assert.Equal([false, false], await Queue.ExtendAsync(_agent, _session, [ready, accepted.Id], At(60)));

        await LeaseOneAsync();
        await SettleAsync(Retry(ready, due: 5));
        Assert.Equal([false], await Queue.ExtendAsync(_agent, _session, [ready], At(60)));
        Assert.Equal(At(5), (await FindAsync(ready)).DueAt);
    }
}
