using Relay.Server.Delivery;

namespace Relay.Client.Tests.AgainstServer;

public sealed class SettlementTests
{
    [Theory, OnEachStore]
    public async Task An_event_that_is_given_back_with_a_delay_comes_again_after_it_and_not_by_the_schedule(string store)
    {
        await using var relay = await RealRelay.StartAsync(store, settings: ("Relay:Delivery:RetryDelays:0", "01:00:00"));
        var taken = ClientTest.Receive(relay.NewClient());
        var id = await relay.PostAsync();

        await (await taken.NextAsync()).NackAsync(TimeSpan.FromMilliseconds(10), "Not yet.");

        var again = await taken.NextAsync();
        Assert.Equal((id, 2), (again.Id, again.Attempt));
        await again.AckAsync();
        var stored = await relay.WhenAsync(id, EventState.Delivered);
        Assert.Equal([(AttemptOutcome.Nacked, "Not yet."), (AttemptOutcome.Acked, null)], stored.Attempts.Select(static attempt => (attempt.Outcome, attempt.Reason)));
    }

    [Theory, OnEachStore]
    public async Task An_event_that_is_given_up_is_a_dead_letter(string store)
    {
        await using var relay = await RealRelay.StartAsync(store);
        relay.Host.Logs.Expect(1101);
        var taken = ClientTest.Receive(relay.NewClient());
        var id = await relay.PostAsync();

        await (await taken.NextAsync()).NackAsync(reason: "Never.", deadLetter: true);

        Assert.Equal("Never.", Assert.Single((await relay.WhenAsync(id, EventState.Dead)).Attempts).Reason);
    }

    [Theory, OnEachStore]
    public async Task An_event_that_is_extended_outlives_its_ack_timeout(string store)
    {
        await using var relay = await RealRelay.StartAsync(store, ownClock: true, ("Relay:Delivery:RetryDelays:0", "01:00:00"));
        var clock = relay.Host.Clock!;
        var taken = ClientTest.Receive(relay.NewClient());
        string[] ids = [await relay.PostAsync(), await relay.PostAsync()];
        var (extended, left) = (await taken.NextAsync(), await taken.NextAsync());
        Assert.Equal((ids[0], ids[1]), (extended.Id, left.Id));
        var deadline = (await relay.FindAsync(extended.Id)).DueAt;

        clock.Advance(TimeSpan.FromSeconds(20));
        await extended.ExtendAsync();
        await Eventually.Async(() => relay.FindAsync(extended.Id), found => found.DueAt > deadline);
        clock.Advance(TimeSpan.FromSeconds(11));

        var overdue = await relay.WhenAsync(left.Id, EventState.Waiting);
        Assert.Equal(AttemptOutcome.TimedOut, Assert.Single(overdue.Attempts).Outcome);
        var held = await relay.FindAsync(extended.Id);
        Assert.Equal((EventState.Leased, 1, 0), (held.State, held.AttemptCount, held.Failures));

        await extended.AckAsync();
        await left.AckAsync();
        await relay.WhenDeliveredAsync(ids);
    }
}
