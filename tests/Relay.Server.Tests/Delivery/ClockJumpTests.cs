using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Delivery;

/// <summary>The server's clock jumps, as one that was wrong and is set right.</summary>
public sealed class ClockJumpTests
{
    /// <summary>Longer than an ack may take, shorter than three heartbeats.</summary>
    private static readonly TimeSpan Jump = TimeSpan.FromSeconds(40);

    [Theory]
    [OnEachStore]
    public async Task When_the_clock_jumps_forward_what_is_in_flight_comes_again_and_late_acks_count(string store)
    {
        await using var host = await RelayHost.StartAsync(store, ownClock: true);
        var agent = await host.RegisterAsync();
        await using var connected = await host.ConnectAsync(agent);
        var id = await host.QueueAsync(agent);
        Assert.Equal(1, (await connected.ReceiveWebhookAsync()).Attempt);

        host.Clock!.Advance(Jump);
        var again = await host.AdvanceUntilAsync(connected.ReceiveWebhookAsync());

        Assert.Equal((id, 2), (again.Id, again.Attempt));
        await connected.AckAsync(id);
        var next = await host.QueueAsync(agent);
        Assert.Equal(next, (await connected.ReceiveWebhookAsync()).Id);
        await connected.AckAsync(next);
    }

    [Theory]
    [OnEachStore]
    public async Task When_the_clock_jumps_back_the_next_ping_comes_no_later_than_without(string store)
    {
        await using var host = await RelayHost.StartAsync(store, ownClock: true);
        await using var connected = await host.ConnectAsync(await host.RegisterAsync());
        connected.AnswersPings = false;

        host.Clock!.SetBack(TimeSpan.FromHours(1));
        var back = host.Clock.GetUtcNow();
        await host.AdvanceUntilAsync(connected.ExpectAsync("ping"));

        Assert.InRange(host.Clock.GetUtcNow() - back, TimeSpan.Zero, TimeSpan.FromMinutes(1));
    }

    [Theory]
    [OnEachStore]
    public async Task When_the_clock_jumps_back_new_events_come_at_once_and_retries_when_it_has_caught_up(string store)
    {
        await using var host = await RelayHost.StartAsync(store, ownClock: true);
        var agent = await host.RegisterAsync();
        await using var connected = await host.ConnectAsync(agent);
        var first = await host.QueueAsync(agent);
        await connected.ReceiveWebhookAsync();
        await connected.SendAsync($$"""{"type":"nack","id":"{{first}}","retry_after_ms":5000}""");

        host.Clock!.SetBack(Jump);
        var second = await host.QueueAsync(agent);

        Assert.Equal(second, (await connected.ReceiveWebhookAsync()).Id);
        await connected.AckAsync(second);
        Assert.True(string.CompareOrdinal(first, second) < 0, "Ids sort in the order of acceptance, also when the clock steps back.");
        var again = await host.AdvanceUntilAsync(connected.ReceiveWebhookAsync());
        Assert.Equal((first, 2), (again.Id, again.Attempt));
        await connected.AckAsync(first);
    }
}
