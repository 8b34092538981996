using System.Threading.Channels;
using Relay.Protocol;
using Relay.Server.Delivery;

namespace Relay.Server.Tests.Storage;

public abstract partial class DeliveryQueueContract
{
    [Fact]
    public async Task A_claim_answers_how_many_events_are_not_settled()
    {
        Assert.Equal(0, await ClaimAsync());
        var ids = await AcceptManyAsync(5);
        await LeaseAsync(max: 3);
        await SettleAsync(Ack(ids[0]));
        await SettleAsync(Retry(ids[1], due: 60));

        Assert.Equal(4, await ClaimAsync());
    }

    [Fact]
    public async Task A_claim_makes_what_others_hold_due_at_once()
    {
        await ClaimAsync();
        var ids = await AcceptManyAsync(3);
        await LeaseAsync(at: 0);
        await SettleAsync(Retry(ids[0], due: 2, failures: 2, lossCounted: true));
        await LeaseOneAsync(at: 2);
        var newer = SessionId.New();

        Assert.Equal(3, await ClaimAsync(at: 3, newer));
        var released = await LeaseAsync(at: 3, session: newer);

        Assert.Equal(ids, Ids(released));
        Assert.Equal([(3, 2, true), (2, 0, false), (2, 0, false)], released.Events.Select(one => (one.Attempt, one.Failures, one.LossCounted)));
        Assert.Equal(
            new AttemptRecord(1, Start.ToUnixTimeMilliseconds(), "websocket", _session.Value, AttemptOutcome.Released, null, 3000),
            Assert.Single((await FindAsync(ids[1])).Attempts));
    }

    [Fact]
    public async Task A_claim_leaves_what_waits_and_what_the_session_itself_holds()
    {
        await ClaimAsync();
        var ids = await AcceptManyAsync(2);
        await LeaseAsync();
        await SettleAsync(Retry(ids[0], due: 60));
        await ClaimAsync(at: 1);

        Assert.Empty((await LeaseAsync(at: 1)).Events);
        Assert.Equal((EventState.Waiting, At(60)), ((await FindAsync(ids[0])).State, (await FindAsync(ids[0])).DueAt));
        Assert.Equal((EventState.Leased, At(30)), ((await FindAsync(ids[1])).State, (await FindAsync(ids[1])).DueAt));

        await Queue.ClaimAsync(_agent, SessionId.New(), At(2));
        Assert.Equal(At(60), (await FindAsync(ids[0])).DueAt);
    }

    [Fact]
    public async Task A_session_without_the_claim_is_handed_nothing()
    {
        await AcceptAsync();
        await ClaimAsync();
        await Queue.ClaimAsync(_agent, SessionId.New(), At(1));
        var superseded = await LeaseAsync(at: 1);

        Assert.True(superseded.Superseded);
        Assert.Empty(superseded.Events);
        Assert.Equal(AcceptStatus.Ready, (await Queue.AcceptAsync(NewEvent(agent: _agent), LeaseTerms())).Status);
    }

    [Fact]
    public async Task A_claim_that_nobody_has_is_taken_by_who_asks()
    {
        var id = await AcceptAsync();

        Assert.Equal([id], Ids(await LeaseAsync()));
        Assert.True((await LeaseAsync(session: SessionId.New())).Superseded);
        Assert.Equal(AcceptStatus.Leased, (await Queue.AcceptAsync(NewEvent(), LeaseTerms())).Status);
    }

    [Fact]
    public async Task A_superseded_session_is_leased_nothing_on_acceptance_and_cannot_retry()
    {
        await ClaimAsync();
        var held = await Queue.AcceptAsync(NewEvent(), LeaseTerms());
        var newer = SessionId.New();
        await Queue.ClaimAsync(_agent, newer, At(1));

        Assert.Equal(SettleResult.NotHeld, await SettleAsync(Retry(held.Id, due: 60)));
        Assert.Equal([false], await Queue.ExtendAsync(_agent, _session, [held.Id], At(60)));
        Assert.Equal([held.Id], Ids(await LeaseAsync(at: 1, session: newer)));
        Assert.Equal(AcceptStatus.Ready, (await Queue.AcceptAsync(NewEvent(), LeaseTerms())).Status);
    }

    [Fact]
    public async Task Subscribers_are_told_when_an_event_becomes_ready()
    {
        await using var signals = await SignalsAsync();
        await ClaimAsync();
        await signals.UntilAsync(new QueueSignal(_session));

        await AcceptAsync();
        await signals.UntilAsync(new QueueSignal(null));
        Assert.Single((await LeaseAsync()).Events);
    }

    [Fact]
    public async Task Subscribers_are_told_who_claims_the_agent()
    {
        await using var first = await SignalsAsync();
        await using var second = await SignalsAsync();
        var newer = SessionId.New();
        await ClaimAsync();
        await Queue.ClaimAsync(_agent, newer, At(1));

        await first.UntilAsync(new QueueSignal(newer));
        await second.UntilAsync(new QueueSignal(newer));
    }

    [Fact]
    public async Task Subscribers_of_another_agent_and_former_ones_are_told_nothing()
    {
        await using var other = await SignalsAsync(RelayId.New());
        await using var stays = await SignalsAsync();
        var former = await SignalsAsync();
        await former.DisposeAsync();

        await AcceptAsync();
        await stays.UntilAsync(new QueueSignal(null));

        Assert.False(former.Any);
        Assert.False(other.Any);
    }

    private async Task<Signals> SignalsAsync(RelayId? agent = null)
    {
        var received = Channel.CreateBounded<QueueSignal>(1000);
        return new Signals(received.Reader, await Queue.SubscribeAsync(agent ?? _agent, signal => received.Writer.TryWrite(signal)));
    }

    private sealed class Signals(ChannelReader<QueueSignal> received, IAsyncDisposable subscription) : IAsyncDisposable
    {
        public bool Any => received.TryPeek(out _);

        /// <summary>Signals may be repeated, so others are passed over.</summary>
        public async Task UntilAsync(QueueSignal expected)
        {
            using var timeout = new CancellationTokenSource(SignalTimeout);
            while (await received.ReadAsync(timeout.Token) != expected)
            {
            }
        }

        public ValueTask DisposeAsync() => subscription.DisposeAsync();
    }
}
