using System.Text;
using Relay.Server.Delivery;

namespace Relay.Server.Tests.Storage;

public abstract partial class DeliveryQueueContract
{
    private static readonly AgentReply Reply = new(201, [KeyValuePair.Create("content-type", "text/plain")], "done"u8.ToArray());

    [Fact]
    public async Task Whoever_is_handed_an_event_is_told_until_when_its_sender_waits()
    {
        var waited = NewEvent() with { ReplyBy = At(10) };
        await Queue.AcceptAsync(waited, Terms());
        var other = await AcceptAsync();
        await ClaimAsync();

        var leased = (await LeaseAsync()).Events;

        Assert.Equal([(waited.Id, At(10)), (other, null)], leased.Select(static one => (one.Id, one.ReplyBy)));
        Assert.Equal(At(10).ToUnixTimeMilliseconds(), leased[0].ToParts(At(9.999), canReply: true).ReplyByMs);
        Assert.Null(leased[0].ToParts(At(10), canReply: true).ReplyByMs);
    }

    [Fact]
    public async Task An_event_that_was_leased_on_its_acceptance_says_it_when_it_comes_again()
    {
        await ClaimAsync();
        var waited = NewEvent() with { ReplyBy = At(60) };
        Assert.Equal(AcceptStatus.Leased, (await Queue.AcceptAsync(waited, LeaseTerms())).Status);
        await SettleAsync(Retry(waited.Id, due: 1));

        Assert.Equal(At(60), (await LeaseOneAsync(at: 1)).ReplyBy);
    }

    [Fact]
    public async Task The_sender_that_waits_here_is_answered_when_the_ack_is_stored()
    {
        var waited = NewEvent();
        using var wait = _store.Waits.Begin(waited.Id, RelayHost.Patience);
        await Queue.AcceptAsync(waited with { ReplyBy = At(10) }, Terms());

        await SettleAsync(Ack(waited.Id) with { Reply = Reply }, at: 1);

        Assert.True(await wait.WaitAsync(TimeProvider.System, CancellationToken.None));
        Assert.Equal("done", Encoding.UTF8.GetString(wait.Reply!.Body));
    }

    [Theory]
    [InlineData("nack")]
    [InlineData("the relay's own ack")]
    [InlineData("another agent's ack")]
    public async Task Only_an_ack_of_its_own_agent_answers_the_sender(string what)
    {
        await ClaimAsync();
        var waited = NewEvent();
        using var wait = _store.Waits.Begin(waited.Id, TimeSpan.Zero);
        await Queue.AcceptAsync(waited with { ReplyBy = At(10) }, LeaseTerms());

        await SettleAsync(
            what switch
            {
                "nack" => Retry(waited.Id, due: 1),
                "the relay's own ack" => Ack(waited.Id) with { Outcome = AttemptOutcome.Released },
                _ => Ack(waited.Id) with { Reply = Reply },
            },
            agent: what == "another agent's ack" ? Relay.Protocol.RelayId.New() : null);

        Assert.False(await wait.WaitAsync(TimeProvider.System, CancellationToken.None));
    }
}
