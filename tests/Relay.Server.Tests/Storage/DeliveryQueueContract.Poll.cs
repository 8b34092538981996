using Relay.Server.Delivery;

namespace Relay.Server.Tests.Storage;

public abstract partial class DeliveryQueueContract
{
    private SessionId Poll => SessionId.PollOf(_agent);

    [Fact]
    public async Task A_poll_is_handed_events_without_a_claim_and_beside_one()
    {
        var first = await AcceptAsync();
        Assert.Equal([first], Ids(await LeaseAsync(session: Poll)));

        await ClaimAsync();
        var second = await AcceptAsync();
        Assert.Equal([second], Ids(await LeaseAsync(session: Poll)));
        Assert.Empty((await LeaseAsync()).Events);
    }

    [Fact]
    public async Task A_poll_of_an_agent_without_events_is_handed_nothing()
    {
        var result = await LeaseAsync(session: Poll);

        Assert.False(result.Superseded);
        Assert.Empty(result.Events);
    }

    [Fact]
    public async Task A_claim_leaves_what_a_poll_holds()
    {
        var id = await AcceptAsync();
        await LeaseAsync(session: Poll);

        await ClaimAsync(at: 1);

        Assert.Equal(EventState.Leased, (await FindAsync(id)).State);
        Assert.Empty((await LeaseAsync(at: 2)).Events);
    }

    [Fact]
    public async Task A_polls_lease_that_ran_out_counts_each_time()
    {
        await AcceptAsync();
        var first = Assert.Single((await LeaseAsync(at: 0, session: Poll)).Events);
        var second = Assert.Single((await LeaseAsync(at: 100, session: Poll)).Events);
        var third = Assert.Single((await LeaseAsync(at: 200, session: Poll)).Events);

        Assert.Equal((1, 0, false), (first.Attempt, first.Failures, first.LossCounted));
        Assert.Equal((2, 1, false), (second.Attempt, second.Failures, second.LossCounted));
        Assert.Equal((3, 2, false), (third.Attempt, third.Failures, third.LossCounted));
    }

    [Fact]
    public async Task The_history_says_that_it_was_polled()
    {
        var id = await AcceptAsync();
        await LeaseAsync(session: Poll);
        await SettleAsync(Ack(id, Poll), at: 1);

        var attempt = Assert.Single((await FindAsync(id)).Attempts);
        Assert.Equal(("poll", Poll.Value), (attempt.Via, attempt.SessionId));
    }
}
