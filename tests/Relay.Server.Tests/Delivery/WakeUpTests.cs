using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Delivery;

/// <summary>One node accepts, the agent is on another.</summary>
public sealed class WakeUpTests
{
    private static readonly TimeSpan Sweep = TimeSpan.FromSeconds(5);

    [Fact]
    public async Task A_wake_up_brings_the_event_without_a_sweep()
    {
        // The clock stands still, and with it every timer.
        await using var relay = await RelayHost.StartAsync("redis", ownClock: true);
        await using var peer = relay.StartAnother();
        var agent = await relay.RegisterAsync();
        await using var connected = await peer.ConnectAsync(agent);

        for (var i = 0; i < 10; i++)
        {
            Assert.Equal(await relay.QueueAsync(agent), (await connected.ReceiveWebhookAsync()).Id);
        }
    }

    [Fact]
    public async Task A_lost_wake_up_costs_a_sweep()
    {
        await using var relay = RelayHost.Start(await StoreSetup.CreateWithOwnRedisAsync(), ownClock: true);
        await using var peer = relay.StartAnother();
        var agent = await relay.RegisterAsync();
        await using var connected = await peer.ConnectAsync(agent);
        relay.Logs.Expect(3007); // A probe may see what follows, and must not say that nothing is accepted.
        peer.Logs.Expect(3007);

        for (var i = 0; i < 3; i++)
        {
            // Whoever listens is cut off, and the event is there before they listen again.
            Assert.NotEqual(":0", await relay.Store.Redis.SendAsync("CLIENT KILL TYPE pubsub"));
            var id = await relay.QueueAsync(agent);

            relay.Clock!.Advance(Sweep);

            Assert.Equal(id, (await connected.ReceiveWebhookAsync()).Id);
            await connected.AckAsync(id);
        }
    }
}
