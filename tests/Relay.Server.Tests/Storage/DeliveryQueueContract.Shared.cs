using Relay.Server.Delivery;

namespace Relay.Server.Tests.Storage;

public abstract partial class DeliveryQueueContract
{
    private readonly SessionId _shared = SessionId.New().AsShared();

    [Fact]
    public async Task Sharing_sessions_are_handed_events_side_by_side_without_a_claim()
    {
        var ids = await AcceptManyAsync(3);
        var other = SessionId.New().AsShared();

        Assert.Equal([ids[0]], Ids(await LeaseAsync(max: 1, session: _shared)));
        Assert.Equal([ids[1], ids[2]], Ids(await LeaseAsync(session: other)));
        Assert.False((await LeaseAsync(session: _shared)).Superseded);

        var accepted = await Queue.AcceptAsync(NewEvent(), LeaseTerms(_shared));
        Assert.Equal(AcceptStatus.Leased, accepted.Status);
        Assert.Equal(SettleResult.NotHeld, await SettleAsync(Retry(accepted.Id, due: 1, session: other)));
        Assert.Equal(SettleResult.Settled, await SettleAsync(Ack(accepted.Id, other)));
    }

    [Fact]
    public async Task A_claim_makes_what_sharing_sessions_hold_due_at_once_and_uncounted()
    {
        var id = await AcceptAsync();
        await LeaseAsync(session: _shared);

        await ClaimAsync(at: 1);
        var released = await LeaseOneAsync(at: 1);

        Assert.Equal((id, 2, 0, false), (released.Id, released.Attempt, released.Failures, released.LossCounted));
        Assert.Equal(SettleResult.NotHeld, await SettleAsync(Retry(id, due: 60, session: _shared)));
        var attempt = Assert.Single((await FindAsync(id)).Attempts);
        Assert.Equal(("websocket", _shared.Value, AttemptOutcome.Released), (attempt.Via, attempt.SessionId, attempt.Outcome));
    }

    [Fact]
    public async Task A_sharing_sessions_lease_that_ran_out_counts_once()
    {
        await AcceptAsync();
        await LeaseAsync(at: 0, session: _shared);
        var second = Assert.Single((await LeaseAsync(at: 100, session: _shared)).Events);
        var third = Assert.Single((await LeaseAsync(at: 200, session: _shared)).Events);

        Assert.Equal((1, true), (second.Failures, second.LossCounted));
        Assert.Equal((1, true), (third.Failures, third.LossCounted));
    }
}
