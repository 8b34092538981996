using System.Collections.Concurrent;
using System.Net.WebSockets;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Connections;

/// <summary>Everything is posted to one node; the agent's connections are on others. The clock stands still, so that nobody is late for its turn.</summary>
public sealed class SharedAcrossNodesTests
{
    private const string Shared = """{"delivery":{"connections":"shared","retry_delays_ms":[0]}}""";

    [Theory]
    [InlineData(32, 32)]
    [InlineData(10, 30)]
    public async Task One_by_one_with_acks_at_once_each_has_its_share(int windowHere, int windowThere)
    {
        await using var relay = await RelayHost.StartAsync("redis", ownClock: true);
        await using var peer = relay.StartAnother();
        var agent = await relay.RegisterAsync(Shared);
        await using var here = await relay.ConnectAsync(agent, windowHere);
        await using var there = await peer.ConnectAsync(agent, windowThere);
        var received = new ConcurrentQueue<(TestAgent By, string Id)>();
        var working = Task.WhenAll(WorkAsync(here, received), WorkAsync(there, received));

        List<string> sent = [];
        for (var i = 1; i <= 200; i++)
        {
            sent.Add(await relay.QueueAsync(agent));
            await Eventually.AsyncTrue(() => received.Count >= i);
        }

        AssertShares(sent, received, here, share: (double)windowHere / (windowHere + windowThere));
        await EndAsync(working, here, there);
    }

    [Theory]
    [InlineData(60, 60)]
    [InlineData(30, 90)]
    public async Task In_a_burst_without_acks_each_has_its_share(int windowHere, int windowThere)
    {
        await using var relay = await RelayHost.StartAsync("redis", ownClock: true);
        await using var peer = relay.StartAnother();
        var agent = await relay.RegisterAsync(Shared);
        await using var here = await relay.ConnectAsync(agent, windowHere);
        await using var there = await peer.ConnectAsync(agent, windowThere);
        var received = new ConcurrentQueue<(TestAgent By, string Id)>();
        var working = Task.WhenAll(ReadAsync(here, received), ReadAsync(there, received));

        // Half of what both take together.
        var sent = new ConcurrentBag<string>();
        await Parallel.ForAsync(0, 60, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (_, _) => sent.Add(await relay.QueueAsync(agent)));
        await Eventually.AsyncTrue(() => received.Count >= 60);

        AssertShares(sent, received, here, share: (double)windowHere / (windowHere + windowThere));
        await EndAsync(working, here, there);
    }

    [Fact]
    public async Task What_comes_to_a_node_without_a_connection_is_shared_too()
    {
        await using var relay = await RelayHost.StartAsync("redis", ownClock: true);
        await using var first = relay.StartAnother();
        await using var second = relay.StartAnother();
        var agent = await relay.RegisterAsync(Shared);
        await using var one = await first.ConnectAsync(agent);
        await using var other = await second.ConnectAsync(agent);
        var received = new ConcurrentQueue<(TestAgent By, string Id)>();
        var working = Task.WhenAll(WorkAsync(one, received), WorkAsync(other, received));

        List<string> sent = [];
        for (var i = 1; i <= 100; i++)
        {
            sent.Add(await relay.QueueAsync(agent));
            await Eventually.AsyncTrue(() => received.Count >= i);
        }

        AssertShares(sent, received, one, share: 0.5);
        await EndAsync(working, one, other);
    }

    [Fact]
    public async Task What_is_the_turn_of_one_that_has_left_comes_to_the_other()
    {
        await using var relay = await RelayHost.StartAsync("redis", ownClock: true);
        await using var peer = relay.StartAnother();
        var agent = await relay.RegisterAsync(Shared);
        await using var here = await relay.ConnectAsync(agent);
        var there = await peer.ConnectAsync(agent);

        await there.CloseAsync();
        await there.DisposeAsync();
        for (var i = 0; i < 10; i++)
        {
            var id = await relay.QueueAsync(agent);
            Assert.Equal(id, (await here.ReceiveWebhookAsync()).Id);
            await here.AckAsync(id);
        }
    }

    private static void AssertShares(IEnumerable<string> sent, IEnumerable<(TestAgent By, string Id)> received, TestAgent here, double share)
    {
        Assert.Equal(sent.Order(), received.Select(static one => one.Id).Order());
        var all = received.Count();
        Assert.InRange(received.Count(one => one.By == here), all * share * 0.6, all * (1 - ((1 - share) * 0.6)));
    }

    private static async Task EndAsync(Task working, params TestAgent[] connected)
    {
        foreach (var one in connected)
        {
            await one.Socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, "", CancellationToken.None);
        }

        await working;
    }

    private static Task WorkAsync(TestAgent connected, ConcurrentQueue<(TestAgent By, string Id)> received) =>
        ReadAsync(connected, received, id => connected.AckAsync(id));

    private static async Task ReadAsync(TestAgent connected, ConcurrentQueue<(TestAgent By, string Id)> received, Func<string, Task>? then = null)
    {
        while (true)
        {
            try
            {
                var id = (await connected.ReceiveWebhookAsync()).Id;
                received.Enqueue((connected, id));
                await (then?.Invoke(id) ?? Task.CompletedTask);
            }
            catch (Exception ended) when (ended is InvalidOperationException or WebSocketException)
            {
                return;
            }
        }
    }
}
