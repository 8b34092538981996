using Relay.Protocol;
using Relay.Server.Delivery;

namespace Relay.Server.Tests.Storage;

public abstract partial class DeliveryQueueContract
{
    [Fact]
    public async Task The_latest_delivered_events_are_kept_up_to_their_count()
    {
        await OpenAsync(new DeliveryOptions { DeliveredKept = 3 });
        var ids = await DeliverAsync(5);

        Assert.Equal([false, false, true, true, true], await KeptAsync(ids));
        Assert.Equal(SettleResult.Unknown, await SettleAsync(Ack(ids[0])));
    }

    [Fact]
    public async Task The_latest_delivered_events_are_kept_up_to_their_bytes()
    {
        await OpenAsync(new DeliveryOptions { DeliveredKeptBytes = 2500 });
        var ids = await DeliverAsync(4, new byte[1000 - Head.Length]);

        Assert.Equal([false, false, true, true], await KeptAsync(ids));
    }

    [Theory]
    [InlineData(0, 86400)]
    [InlineData(1000, 0)]
    public async Task A_delivered_event_is_forgotten_at_the_ack_when_none_is_kept(int kept, int retentionSeconds)
    {
        await OpenAsync(new DeliveryOptions { DeliveredKept = kept, DeliveredRetention = TimeSpan.FromSeconds(retentionSeconds) });
        var ids = await DeliverAsync(2);

        Assert.Equal([false, false], await KeptAsync(ids));
        Assert.Equal(SettleResult.Unknown, await SettleAsync(Ack(ids[0])));
    }

    [Fact]
    public async Task Delivered_events_of_one_agent_do_not_push_out_those_of_another()
    {
        await OpenAsync(new DeliveryOptions { DeliveredKept = 1 });
        var first = Assert.Single(await DeliverAsync(1));
        var other = NewEvent(agent: RelayId.New());
        await Queue.AcceptAsync(other, Terms());
        Assert.Equal(SettleResult.Settled, await SettleAsync(Ack(other.Id), agent: other.Agent));

        Assert.Equal([true], await KeptAsync([first]));
    }

    [Fact]
    public async Task Delivered_events_are_forgotten_after_their_retention()
    {
        var options = new DeliveryOptions { DeliveredRetention = TimeSpan.FromSeconds(100) };
        await OpenAsync(options);
        var ids = await DeliverAsync(3);

        Assert.Equal(0, await Queue.PruneAsync(At(99)));
        Assert.Equal([true, true, true], await KeptAsync(ids));
        if (_harness.ForgetsByItself) return;

        Assert.Equal(3, await Queue.PruneAsync(At(101)));
        Assert.Equal([false, false, false], await KeptAsync(ids));
        Assert.Equal(0, await Queue.PruneAsync(At(102)));
    }

    [Fact]
    public async Task What_was_forgotten_to_make_room_does_not_change_when_others_are_forgotten()
    {
        await OpenAsync(new DeliveryOptions { DeliveredKept = 1, DeliveredRetention = TimeSpan.FromSeconds(100) });
        var first = Assert.Single(await DeliverAsync(1));
        var second = (await Queue.AcceptAsync(NewEvent(), LeaseTerms())).Id;
        await SettleAsync(Ack(second), at: 50);

        Assert.Equal(0, await Queue.PruneAsync(At(149)));
        Assert.Equal([false, true], await KeptAsync([first, second]));
        if (_harness.ForgetsByItself) return;

        Assert.Equal(1, await Queue.PruneAsync(At(151)));
        Assert.Equal([false, false], await KeptAsync([first, second]));
    }

    [Fact]
    public async Task Many_events_of_many_agents_are_forgotten_at_once()
    {
        await OpenAsync(new DeliveryOptions { DeliveredRetention = TimeSpan.FromSeconds(100), DeadLetterRetention = TimeSpan.FromSeconds(100) });
        await DeliverAsync(250);
        for (var i = 0; i < 150; i++)
        {
            var other = NewEvent(agent: RelayId.New());
            await Queue.AcceptAsync(other, LeaseTerms());
            Assert.Equal(SettleResult.Settled, await SettleAsync(Ack(other.Id), agent: other.Agent));
        }

        if (_harness.ForgetsByItself) return;

        Assert.Equal(400, await Queue.PruneAsync(At(101)));
        Assert.Equal(0, await Queue.PruneAsync(At(1000)));
    }

    [Fact]
    public async Task Given_up_events_are_forgotten_after_their_own_retention()
    {
        await OpenAsync(new DeliveryOptions
        {
            DeliveredRetention = TimeSpan.FromSeconds(100),
            DeadLetterRetention = TimeSpan.FromSeconds(1000),
        });
        await ClaimAsync();
        var ids = await AcceptManyAsync(3);
        await LeaseAsync();
        await SettleAsync(DeadLetter(ids[0]));
        await SettleAsync(Expire(ids[1]));

        await Queue.PruneAsync(At(999));
        Assert.Equal([true, true, true], await KeptAsync(ids));
        if (_harness.ForgetsByItself) return;

        Assert.Equal(2, await Queue.PruneAsync(At(1001)));
        Assert.Equal([false, false, true], await KeptAsync(ids));
    }

    [Fact]
    public async Task What_is_not_settled_is_never_pruned()
    {
        await ClaimAsync();
        var ids = await AcceptManyAsync(3);
        await LeaseAsync(max: 2);
        await SettleAsync(Retry(ids[0], due: 60));

        Assert.Equal(0, await Queue.PruneAsync(Start.AddYears(1)));
        Assert.Equal([true, true, true], await KeptAsync(ids));
        Assert.Equal(3, await ClaimAsync());
    }

    private async Task<EventId[]> DeliverAsync(int count, byte[]? body = null)
    {
        await ClaimAsync();
        var ids = new EventId[count];
        for (var i = 0; i < count; i++)
        {
            ids[i] = (await Queue.AcceptAsync(NewEvent(body), LeaseTerms())).Id;
            Assert.Equal(SettleResult.Settled, await SettleAsync(Ack(ids[i])));
        }

        return ids;
    }

    private async Task<IReadOnlyList<bool>> KeptAsync(EventId[] ids)
    {
        var found = await Task.WhenAll(ids.Select(id => Queue.FindAsync(_agent, id)));
        return Array.ConvertAll(found, one => one is not null);
    }
}
