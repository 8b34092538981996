using Relay.Protocol;
using Relay.Server.Delivery;

namespace Relay.Server.Tests.Storage;

public abstract partial class DeliveryQueueContract
{
    [Fact]
    public async Task Events_are_handed_out_in_the_order_of_acceptance()
    {
        await ClaimAsync();
        var ids = new List<EventId>();
        for (var i = 0; i < 5; i++) ids.Add(await AcceptAsync(at: i));

        Assert.Equal(ids, Ids(await LeaseAsync(at: 10)));
    }

    [Fact]
    public async Task Order_is_that_of_the_calls_whatever_the_ids_and_the_times_say()
    {
        await ClaimAsync();
        var later = NewEvent(at: 1);
        var earlier = NewEvent(at: 5);
        await Queue.AcceptAsync(earlier, Terms());
        await Queue.AcceptAsync(later, Terms());

        Assert.Equal([earlier.Id, later.Id], Ids(await LeaseAsync(at: 10)));
    }

    [Fact]
    public async Task A_call_takes_its_place_before_it_returns_its_task()
    {
        var claim = ClaimAsync();
        var accepted = Enumerable.Range(0, 1000).Select(_ => NewEvent()).ToArray();
        var accepts = Array.ConvertAll(accepted, one => Queue.AcceptAsync(one, Terms()));
        var lease = LeaseAsync(max: 2000);

        Assert.Equal(accepted.Select(one => one.Id), Ids(await lease));
        await Task.WhenAll(accepts);
        Assert.Equal(0, await claim);
    }

    public static TheoryData<int> BodyLengths => [0, 1, 256, 70_000, 1 << 20];

    [Theory]
    [MemberData(nameof(BodyLengths))]
    public async Task Body_and_head_come_back_byte_for_byte(int length)
    {
        var body = new byte[length];
        for (var i = 0; i < length; i++) body[i] = (byte)i;
        var accepted = NewEvent(body, at: 1.234);
        await ClaimAsync();
        await Queue.AcceptAsync(accepted, Terms());

        var found = await FindAsync(accepted.Id);
        var leased = await LeaseOneAsync(at: 2);

        Assert.True(leased.Body.Span.SequenceEqual(body));
        Assert.True(leased.Head.Span.SequenceEqual(Head));
        Assert.Equal(At(1.234), leased.AcceptedAt);
        Assert.True(found.Body.Span.SequenceEqual(body));
        Assert.True(found.Head.Span.SequenceEqual(Head));
        Assert.Equal(At(1.234), found.AcceptedAt);
    }

    [Fact]
    public async Task The_senders_buffer_is_free_once_the_task_has_ended()
    {
        var buffer = "first"u8.ToArray();
        await ClaimAsync();
        await Queue.AcceptAsync(NewEvent(buffer), Terms());
        "other"u8.CopyTo(buffer);

        Assert.Equal("first"u8.ToArray(), (await LeaseOneAsync()).Body.ToArray());
    }

    [Fact]
    public async Task An_event_is_leased_on_acceptance_to_the_session_that_holds_the_claim()
    {
        await ClaimAsync();
        var accepted = NewEvent(at: 1);

        var result = await Queue.AcceptAsync(accepted, LeaseTerms(until: 31));

        Assert.Equal(new AcceptResult(AcceptStatus.Leased, accepted.Id), result with { Place = null });
        var found = await FindAsync(accepted.Id);
        Assert.Equal(EventState.Leased, found.State);
        Assert.Equal(1, found.AttemptCount);
        Assert.Equal(At(31), found.DueAt);
        Assert.Empty((await LeaseAsync(at: 2)).Events);
    }

    [Fact]
    public async Task A_session_without_the_claim_is_leased_nothing_on_acceptance()
    {
        Assert.Equal(AcceptStatus.Ready, (await Queue.AcceptAsync(NewEvent(), LeaseTerms())).Status);

        await ClaimAsync();
        var leased = await LeaseOneAsync();
        await SettleAsync(Ack(leased.Id));
        Assert.Equal(AcceptStatus.Ready, (await Queue.AcceptAsync(NewEvent(), LeaseTerms(SessionId.New()))).Status);
    }

    [Fact]
    public async Task Nothing_overtakes_a_ready_event_by_being_leased_on_acceptance()
    {
        await ClaimAsync();
        var first = await AcceptAsync();
        var second = await Queue.AcceptAsync(NewEvent(), LeaseTerms());

        Assert.Equal(AcceptStatus.Ready, second.Status);
        Assert.Equal([first, second.Id], Ids(await LeaseAsync()));
        Assert.Equal(AcceptStatus.Leased, (await Queue.AcceptAsync(NewEvent(), LeaseTerms())).Status);
    }

    [Fact]
    public async Task A_waiting_event_does_not_keep_others_from_being_leased_on_acceptance()
    {
        await ClaimAsync();
        await AcceptAsync();
        await SettleAsync(Retry((await LeaseOneAsync()).Id, due: 60));

        Assert.Equal(AcceptStatus.Leased, (await Queue.AcceptAsync(NewEvent(), LeaseTerms())).Status);
    }

    [Fact]
    public async Task A_key_used_again_within_the_window_names_the_first_event()
    {
        var key = NewKey();
        var first = await Queue.AcceptAsync(NewEvent(key: key), Terms());
        var again = await Queue.AcceptAsync(NewEvent(at: Window.TotalSeconds - 0.001, key: [.. key]), Terms());

        Assert.Equal(new AcceptResult(AcceptStatus.Duplicate, first.Id), again);
        Assert.Equal(1, await ClaimAsync());
    }

    [Fact]
    public async Task A_key_is_free_after_the_window_which_a_duplicate_does_not_extend()
    {
        var key = NewKey();
        await Queue.AcceptAsync(NewEvent(key: key), Terms());
        await Queue.AcceptAsync(NewEvent(at: Window.TotalSeconds - 1, key: key), Terms());

        var after = NewEvent(at: Window.TotalSeconds + 1, key: key);
        Assert.Equal(new AcceptResult(AcceptStatus.Ready, after.Id), await Queue.AcceptAsync(after, Terms()));
        Assert.Equal(
            new AcceptResult(AcceptStatus.Duplicate, after.Id),
            await Queue.AcceptAsync(NewEvent(at: Window.TotalSeconds * 2, key: key), Terms()));
    }

    [Fact]
    public async Task Keys_of_two_agents_have_nothing_to_do_with_each_other()
    {
        var key = NewKey();
        await Queue.AcceptAsync(NewEvent(key: key), Terms());

        Assert.Equal(AcceptStatus.Ready, (await Queue.AcceptAsync(NewEvent(key: key, agent: RelayId.New()), Terms())).Status);
    }

    [Fact]
    public async Task A_delivered_and_forgotten_event_still_has_duplicates()
    {
        await OpenAsync(new DeliveryOptions { DeliveredKept = 0 });
        var key = NewKey();
        await ClaimAsync();
        var first = await Queue.AcceptAsync(NewEvent(key: key), LeaseTerms());
        await SettleAsync(Ack(first.Id));

        Assert.Equal(new AcceptResult(AcceptStatus.Duplicate, first.Id), await Queue.AcceptAsync(NewEvent(at: 1, key: key), LeaseTerms()));
        Assert.Equal(0, await ClaimAsync());
    }

    [Fact]
    public async Task A_hundred_concurrent_accepts_of_one_key_make_one_event()
    {
        var key = NewKey();
        var results = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => Task.Run(() => Queue.AcceptAsync(NewEvent(key: key), Terms()))));

        var stored = Assert.Single(results, result => result.Status == AcceptStatus.Ready);
        Assert.All(results, result => Assert.Equal(stored.Id, result.Id));
        Assert.Equal(99, results.Count(result => result.Status == AcceptStatus.Duplicate));
        Assert.Equal(1, await ClaimAsync());
    }

    [Fact]
    public async Task Nothing_is_stored_when_the_quota_of_events_is_full_and_settling_frees_it()
    {
        var terms = Terms(maxEvents: 3);
        await ClaimAsync();
        for (var i = 0; i < 3; i++) await Queue.AcceptAsync(NewEvent(), terms);

        var refused = NewEvent();
        Assert.Equal(AcceptStatus.QueueFull, (await Queue.AcceptAsync(refused, terms)).Status);
        Assert.Null(await Queue.FindAsync(_agent, refused.Id));
        var leased = await LeaseAsync();
        Assert.Equal(3, leased.Events.Count);
        Assert.Equal(AcceptStatus.QueueFull, (await Queue.AcceptAsync(NewEvent(), terms)).Status);

        await SettleAsync(Ack(leased.Events[0].Id));
        Assert.Equal(AcceptStatus.Ready, (await Queue.AcceptAsync(NewEvent(), terms)).Status);
        await SettleAsync(DeadLetter(leased.Events[1].Id));
        Assert.Equal(AcceptStatus.Ready, (await Queue.AcceptAsync(NewEvent(), terms)).Status);
        await SettleAsync(Expire(leased.Events[2].Id));
        Assert.Equal(AcceptStatus.Ready, (await Queue.AcceptAsync(NewEvent(), terms)).Status);
        Assert.Equal(AcceptStatus.QueueFull, (await Queue.AcceptAsync(NewEvent(), terms)).Status);
    }

    [Fact]
    public async Task The_quota_of_bytes_counts_head_and_body()
    {
        var terms = Terms(maxBytes: 3000);
        await ClaimAsync();
        var body = new byte[1500 - Head.Length];
        var first = await Queue.AcceptAsync(NewEvent(body), terms);
        await Queue.AcceptAsync(NewEvent(body), terms);

        var refused = NewEvent();
        Assert.Equal(AcceptStatus.QueueFull, (await Queue.AcceptAsync(refused, terms)).Status);
        Assert.Null(await Queue.FindAsync(_agent, refused.Id));

        await SettleAsync(Ack(first.Id));
        Assert.Equal(AcceptStatus.Ready, (await Queue.AcceptAsync(NewEvent(body), terms)).Status);
    }

    [Fact]
    public async Task An_event_settled_twice_frees_its_quota_once()
    {
        var terms = Terms(maxEvents: 2);
        await ClaimAsync();
        await Queue.AcceptAsync(NewEvent(), terms);
        await Queue.AcceptAsync(NewEvent(), terms);
        var first = (await LeaseAsync(max: 1)).Events[0].Id;
        await SettleAsync(DeadLetter(first));
        await SettleAsync(Ack(first));
        await SettleAsync(Ack(first));

        Assert.Equal(AcceptStatus.Ready, (await Queue.AcceptAsync(NewEvent(), terms)).Status);
        Assert.Equal(AcceptStatus.QueueFull, (await Queue.AcceptAsync(NewEvent(), terms)).Status);
    }

    [Fact]
    public async Task A_duplicate_of_a_known_key_wins_over_a_full_queue()
    {
        var terms = Terms(maxEvents: 1);
        var key = NewKey();
        var first = await Queue.AcceptAsync(NewEvent(key: key), terms);

        Assert.Equal(new AcceptResult(AcceptStatus.Duplicate, first.Id), await Queue.AcceptAsync(NewEvent(key: key), terms));
    }

    [Fact]
    public async Task A_refused_event_does_not_use_its_key_up()
    {
        var terms = Terms(maxEvents: 1);
        var key = NewKey();
        await ClaimAsync();
        var first = await Queue.AcceptAsync(NewEvent(), terms);
        Assert.Equal(AcceptStatus.QueueFull, (await Queue.AcceptAsync(NewEvent(key: key), terms)).Status);
        await SettleAsync(Ack(first.Id));

        Assert.Equal(AcceptStatus.Ready, (await Queue.AcceptAsync(NewEvent(key: key), terms)).Status);
    }

    [Fact]
    public async Task Quotas_are_each_agents_own()
    {
        var terms = Terms(maxEvents: 1);
        await Queue.AcceptAsync(NewEvent(), terms);

        Assert.Equal(AcceptStatus.Ready, (await Queue.AcceptAsync(NewEvent(agent: RelayId.New()), terms)).Status);
        Assert.Equal(AcceptStatus.QueueFull, (await Queue.AcceptAsync(NewEvent(), terms)).Status);
    }

    [Fact]
    public async Task Events_whose_ids_begin_alike_are_kept_apart()
    {
        await ClaimAsync();
        var ids = Enumerable.Range(1, 4).Select(static low => new EventId(new UInt128(1UL << 60, (ulong)low))).ToArray();
        foreach (var id in ids) await Queue.AcceptAsync(NewEvent(new[] { id.ToBytes()[^1] }) with { Id = id }, LeaseTerms());

        await SettleAsync(Ack(ids[0]));
        await SettleAsync(Ack(ids[2]));
        await SettleAsync(Retry(ids[3], due: 60));

        var found = await Task.WhenAll(ids.Select(id => Queue.FindAsync(_agent, id)));
        Assert.Equal([EventState.Delivered, EventState.Leased, EventState.Delivered, EventState.Waiting], found.Select(one => one!.State));
        Assert.Equal([1, 2, 3, 4], found.Select(one => (int)one!.Body.Span[0]));
        Assert.Equal([ids[3], ids[2], ids[1], ids[0]], await ListIdsAsync(status: null));
    }
}
