using Relay.Server.Delivery;

namespace Relay.Server.Tests.Storage;

public abstract partial class DeliveryQueueContract
{
    [Fact]
    public async Task Events_of_one_ordering_key_are_handed_out_one_at_a_time_in_order()
    {
        await ClaimAsync();
        EventId[] a = [await AcceptKeyedAsync('a'), await AcceptKeyedAsync('a'), await AcceptKeyedAsync('a')];
        var b = await AcceptKeyedAsync('b');
        var free = await AcceptKeyedAsync(null);

        Assert.Equal([a[0], b, free], Ids(await LeaseAsync()));
        Assert.Equal(EventState.Held, (await FindAsync(a[1])).State);
        await SettleAsync(Ack(a[0]));
        Assert.Equal([a[1]], Ids(await LeaseAsync()));
        await SettleAsync(Ack(a[1]));
        Assert.Equal([a[2]], Ids(await LeaseAsync()));
    }

    [Fact]
    public async Task A_failing_key_waits_alone()
    {
        await ClaimAsync();
        EventId[] a = [await AcceptKeyedAsync('a'), await AcceptKeyedAsync('a')];
        await LeaseAsync();
        await SettleAsync(Retry(a[0], due: 60));
        var b = await AcceptKeyedAsync('b');

        Assert.Equal([b], Ids(await LeaseAsync(at: 1)));
        await SettleAsync(Ack(b), at: 1);
        Assert.Equal([a[0]], Ids(await LeaseAsync(at: 60)));
        await SettleAsync(DeadLetter(a[0]), at: 61);
        Assert.Equal([a[1]], Ids(await LeaseAsync(at: 61)));
    }

    [Fact]
    public async Task What_is_released_takes_its_own_place_in_the_order()
    {
        await ClaimAsync();
        EventId[] a = [await AcceptKeyedAsync('a'), await AcceptKeyedAsync('a')];
        await LeaseAsync();
        var later = await AcceptKeyedAsync(null);
        await SettleAsync(Ack(a[0]));

        Assert.Equal([a[1], later], Ids(await LeaseAsync()));
    }

    [Fact]
    public async Task An_event_that_is_held_is_not_leased_on_acceptance()
    {
        await ClaimAsync();

        Assert.Equal(AcceptStatus.Leased, (await Queue.AcceptAsync(Keyed('a'), LeaseTerms())).Status);
        Assert.Equal(AcceptStatus.Ready, (await Queue.AcceptAsync(Keyed('a'), LeaseTerms())).Status);
        Assert.Equal(AcceptStatus.Leased, (await Queue.AcceptAsync(Keyed('b'), LeaseTerms())).Status);
    }

    [Fact]
    public async Task Subscribers_are_told_when_a_held_event_is_released()
    {
        await ClaimAsync();
        var first = await Queue.AcceptAsync(Keyed('a'), LeaseTerms());
        await Queue.AcceptAsync(Keyed('a'), LeaseTerms());
        await using var signals = await SignalsAsync();

        await SettleAsync(Ack(first.Id));

        await signals.UntilAsync(new QueueSignal(null));
    }

    [Fact]
    public async Task A_key_whose_events_expire_goes_on_with_the_next()
    {
        EventId[] a = [await AcceptKeyedAsync('a'), await AcceptKeyedAsync('a'), await AcceptKeyedAsync('a')];

        Assert.Equal(a[..2], (await Queue.ExpireAsync(_agent, a[2], At(1), limit: 10)).Expired);

        await ClaimAsync(at: 1);
        Assert.Equal([a[2]], Ids(await LeaseAsync(at: 1)));
        Assert.Equal(1, await ClaimAsync(at: 2));
    }

    [Fact]
    public async Task Held_events_are_listed_as_queued_and_survive_a_crash()
    {
        EventId[] a = [await AcceptKeyedAsync('a'), await AcceptKeyedAsync('a')];
        await OpenAsync();
        await ClaimAsync();

        Assert.Equal([a[1], a[0]], (await Queue.ListAsync(_agent, new EventQuery(EventStatus.Queued, Before: null, Limit: 10))).Events.Select(one => one.Id));
        Assert.Equal([a[0]], Ids(await LeaseAsync()));
        await SettleAsync(Ack(a[0]));
        Assert.Equal([a[1]], Ids(await LeaseAsync()));
    }

    [Fact]
    public async Task A_held_event_can_be_acknowledged_without_being_handed_out()
    {
        await ClaimAsync();
        EventId[] a = [await AcceptKeyedAsync('a'), await AcceptKeyedAsync('a'), await AcceptKeyedAsync('a')];
        await SettleAsync(Ack(a[1]));

        Assert.Equal([a[0]], Ids(await LeaseAsync()));
        await SettleAsync(Ack(a[0]));
        Assert.Equal([a[2]], Ids(await LeaseAsync()));
    }

    private NewEvent Keyed(char? key) => NewEvent() with { OrderingKey = key is { } one ? [.. Enumerable.Repeat((byte)one, 16)] : null };

    private async Task<EventId> AcceptKeyedAsync(char? key)
    {
        var accepted = Keyed(key);
        Assert.Equal(AcceptStatus.Ready, (await Queue.AcceptAsync(accepted, Terms())).Status);
        return accepted.Id;
    }
}
