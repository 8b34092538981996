using Relay.Server.Delivery;

namespace Relay.Server.Tests.Storage;

public abstract partial class DeliveryQueueContract
{
    [Fact]
    public async Task Every_state_survives_a_crash()
    {
        await ClaimAsync();
        var ids = await AcceptManyAsync(6);
        await LeaseAsync(max: 5);
        await SettleAsync(Retry(ids[0], due: 40, failures: 2, lossCounted: true), at: 1);
        await SettleAsync(DeadLetter(ids[1]), at: 1);
        await SettleAsync(Expire(ids[2]), at: 1);
        await SettleAsync(Ack(ids[3]), at: 1);
        var before = await Task.WhenAll(ids.Select(FindAsync));

        await OpenAsync();

        var after = await Task.WhenAll(ids.Select(FindAsync));
        Assert.Equal(
            [EventState.Waiting, EventState.Dead, EventState.Expired, EventState.Delivered, EventState.Leased, EventState.Ready],
            after.Select(one => one.State));
        Assert.Equal(before.Select(one => (one.State, one.AttemptCount, one.Failures, one.DueAt)), after.Select(one => (one.State, one.AttemptCount, one.Failures, one.DueAt)));
        Assert.Equal(before.Select(one => one.Attempts), after.Select(one => one.Attempts));
    }

    [Fact]
    public async Task Claim_leases_and_order_survive_a_crash()
    {
        await ClaimAsync();
        var ids = await AcceptManyAsync(5);
        await LeaseAsync(max: 2);
        await SettleAsync(Retry(ids[1], due: 20), at: 1);

        await OpenAsync();

        var ready = await LeaseAsync(at: 2);
        Assert.Equal(ids[2..], Ids(ready));
        Assert.Equal(At(20), ready.NextDue);
        Assert.Equal([ids[1], ids[0]], Ids(await LeaseAsync(at: 30)));
        Assert.Equal(SettleResult.Settled, await SettleAsync(Ack(ids[0]), at: 31));
        Assert.Equal(4, await ClaimAsync(at: 31));
    }

    [Fact]
    public async Task Events_accepted_after_a_crash_come_after_those_accepted_before()
    {
        await ClaimAsync();
        var before = await AcceptManyAsync(3);
        await OpenAsync();
        var after = await AcceptManyAsync(3);

        Assert.Equal([.. before, .. after], Ids(await LeaseAsync()));
    }

    [Fact]
    public async Task Nothing_overtakes_a_ready_event_after_a_crash()
    {
        await ClaimAsync();
        await AcceptAsync();
        await OpenAsync();

        Assert.Equal(AcceptStatus.Ready, (await Queue.AcceptAsync(NewEvent(), LeaseTerms())).Status);
    }

    [Fact]
    public async Task Keys_and_quotas_survive_a_crash()
    {
        var key = NewKey();
        var body = new byte[1000 - Head.Length];
        var first = await Queue.AcceptAsync(NewEvent(body, key: key), Terms());
        await OpenAsync();

        Assert.Equal(new AcceptResult(AcceptStatus.Duplicate, first.Id), await Queue.AcceptAsync(NewEvent(at: 1, key: key), Terms()));
        Assert.Equal(AcceptStatus.QueueFull, (await Queue.AcceptAsync(NewEvent(), Terms(maxEvents: 1))).Status);
        Assert.Equal(AcceptStatus.QueueFull, (await Queue.AcceptAsync(NewEvent(body), Terms(maxBytes: 1999))).Status);
        Assert.Equal(AcceptStatus.Ready, (await Queue.AcceptAsync(NewEvent(body), Terms(maxEvents: 2, maxBytes: 2000))).Status);
    }

    [Fact]
    public async Task What_is_kept_of_delivered_events_is_counted_across_a_crash()
    {
        var options = new DeliveryOptions { DeliveredKept = 3 };
        await OpenAsync(options);
        var before = await DeliverAsync(2);
        await OpenAsync(options);
        var after = await DeliverAsync(2);

        Assert.Equal([false, true, true, true], await KeptAsync([.. before, .. after]));
    }

    [Fact]
    public async Task The_store_is_healthy()
    {
        Assert.Null(await _store.Health.CheckAsync(CancellationToken.None));
        Assert.NotEmpty(_store.Health.Kind);
    }
}
