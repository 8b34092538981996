using Relay.Server.Delivery;

namespace Relay.Server.Tests.Storage;

public abstract partial class DeliveryQueueContract
{
    private readonly SessionId _http = SessionId.NewHttp();

    [Fact]
    public async Task Who_posts_is_handed_events_without_a_claim_and_beside_one_and_a_claim_leaves_what_it_holds()
    {
        var first = await AcceptAsync();
        Assert.Equal([first], Ids(await LeaseAsync(session: _http)));

        await ClaimAsync();
        var second = await AcceptAsync();
        Assert.Equal([second], Ids(await LeaseAsync(session: _http)));
        Assert.Empty((await LeaseAsync()).Events);
    }

    [Fact]
    public async Task A_lease_of_who_posts_that_ran_out_counts_once()
    {
        await AcceptAsync();
        await LeaseAsync(at: 0, session: _http);
        var second = Assert.Single((await LeaseAsync(at: 100, session: _http)).Events);
        var third = Assert.Single((await LeaseAsync(at: 200, session: _http)).Events);

        Assert.Equal((2, 1, true), (second.Attempt, second.Failures, second.LossCounted));
        Assert.Equal((3, 1, true), (third.Attempt, third.Failures, third.LossCounted));
    }

    [Fact]
    public async Task The_history_says_that_it_was_posted()
    {
        var id = await AcceptAsync();
        await LeaseAsync(session: _http);
        await SettleAsync(Ack(id, _http), at: 1);

        var attempt = Assert.Single((await FindAsync(id)).Attempts);
        Assert.Equal(("http", _http.Value), (attempt.Via, attempt.SessionId));
    }
}
