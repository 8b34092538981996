using System.Collections.Concurrent;
using System.Text.Json;
using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Connections;

public sealed class SharedTests
{
    private const string Shared = """{"delivery":{"connections":"shared","retry_delays_ms":[0]}}""";
    private const string Exclusive = """{"delivery":{"connections":"exclusive"}}""";
    private static readonly TimeSpan AtOnce = TimeSpan.FromSeconds(5);

    [Theory, OnEachStore]
    public async Task Three_connections_share_a_thousand_events_fairly_and_none_comes_twice(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync(Shared);
        var connected = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => relay.ConnectAsync(agent)));
        var received = new ConcurrentQueue<(int By, string Id)>();
        var working = connected.Select((one, by) => WorkAsync(one, id => received.Enqueue((by, id)))).ToList();

        var sent = new ConcurrentBag<string>();
        await Parallel.ForAsync(0, 1000, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (_, _) => sent.Add(await relay.QueueAsync(agent)));

        await Eventually.AsyncTrue(() => received.Count >= 1000);
        await EndAsync(connected, working);
        Assert.Equal(sent.Order(), received.Select(static one => one.Id).Order());
        Assert.All(received.CountBy(static one => one.By), static one => Assert.InRange(one.Value, 150, 600));
        Assert.Equal(3, received.DistinctBy(static one => one.By).Count());
    }

    [Theory, OnEachStore]
    public async Task A_connection_whose_window_is_full_does_not_hold_back_the_others(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync(Shared);
        await using var slow = await relay.ConnectAsync(agent, maxInFlight: 1);
        await using var quick = await relay.ConnectAsync(agent, maxInFlight: 2);

        // The windows are filled, the one with the most room first; what comes then waits until the quick one acknowledges.
        List<string> ids = [];
        for (var i = 0; i < 20; i++)
        {
            ids.Add(await relay.QueueAsync(agent));
        }

        var first = (await slow.ReceiveWebhookAsync()).Id;
        for (var i = 0; i < 19; i++)
        {
            var id = (await quick.ReceiveWebhookAsync()).Id;
            Assert.True(ids.Remove(id), id);
            await quick.AckAsync(id);
        }

        Assert.Equal([first], ids);
        await slow.AssertSilentAsync();
    }

    [Theory, OnEachStore]
    public async Task What_a_cut_connection_had_comes_to_the_others_and_counts_once(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync(Shared);
        await using var cut = await relay.ConnectAsync(agent);
        string[] ids = [await relay.QueueAsync(agent), await relay.QueueAsync(agent)];
        Assert.Equal(ids, await cut.ReceiveWebhookIdsAsync(2));
        await using var other = await relay.ConnectAsync(agent);
        await other.AssertSilentAsync();

        cut.Cut();

        Assert.Equal(ids.Order(), (await other.ReceiveWebhookIdsAsync(2).WaitAsync(AtOnce)).Order());
        Assert.Equal(1, (await relay.FindAsync(agent, ids[0])).Failures);
        await other.AckAsync(ids);
        await relay.WhenAsync(agent, ids[1], EventState.Delivered);
    }

    [Theory, OnEachStore]
    public async Task An_ack_and_a_reply_count_from_a_connection_that_does_not_hold_the_lease(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync(Shared);
        await using var holder = await relay.ConnectAsync(agent);
        var id = await relay.QueueAsync(agent);
        await holder.ReceiveWebhookAsync();
        await using var other = await relay.ConnectAsync(agent, maxInFlight: 1);

        // To nack what another connection holds is to name what it does not have.
        await other.SendAsync($$"""{"type":"nack","id":"{{id}}"}""");
        Assert.Equal("unknown_event", (await other.ExpectAsync("error")).GetProperty("error").GetString());
        await other.AckAsync(id);
        await relay.WhenAsync(agent, id, EventState.Delivered);

        using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/v1/webhook/{agent.RelayId}") { Headers = { { "Prefer", "wait=30" } } };
        var answer = relay.Http.SendAsync(request);
        var waited = await holder.ReceiveWebhookAsync();
        await other.SendAsync($$"""{"type":"reply","id":"{{waited.Id}}","status":201,"body":"done"}""");
        using var response = await answer;
        Assert.Equal("done", await response.Content.ReadAsStringAsync());
    }

    [Theory, OnEachStore]
    public async Task A_change_of_the_mode_makes_connections_come_anew_and_loses_and_counts_nothing(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync("{}");
        await using var alone = await relay.ConnectAsync(agent);
        string[] ids = [await relay.QueueAsync(agent), await relay.QueueAsync(agent)];
        await alone.ReceiveWebhookIdsAsync(2);

        await relay.PatchAsync(agent, Shared);
        await ExpectChangedAsync(alone);
        await using var first = await relay.ConnectAsync(agent);
        Assert.Equal(2, first.Welcome.GetProperty("pending").GetInt64());
        Assert.Equal(ids.Order(), (await first.ReceiveWebhookIdsAsync(2)).Order());
        await using var second = await relay.ConnectAsync(agent);
        await first.AssertSilentAsync();

        await relay.PatchAsync(agent, Exclusive);
        await Task.WhenAll(ExpectChangedAsync(first), ExpectChangedAsync(second));
        await using var newest = await relay.ConnectAsync(agent);
        Assert.Equal(ids.Order(), (await newest.ReceiveWebhookIdsAsync(2)).Order());
        await newest.AckAsync(ids[0]);

        var delivered = await relay.WhenAsync(agent, ids[0], EventState.Delivered);
        var outcomes = delivered.Attempts.Select(static one => one.Outcome).ToArray();
        Assert.Equal(AttemptOutcome.Acked, outcomes[^1]);
        Assert.InRange(outcomes.Length, 3, 4); // What the first gave back the second may have got before it heard of the change.
        Assert.All(outcomes[..^1], static outcome => Assert.Equal(AttemptOutcome.Released, outcome));
        Assert.Equal(0, (await relay.FindAsync(agent, ids[1])).Failures);
    }

    [Fact]
    public async Task Connections_on_two_nodes_share_and_a_node_that_stops_leaves_its_events_to_the_other()
    {
        await using var relay = await RelayHost.StartAsync("redis");
        var peer = relay.StartAnother();
        var agent = await relay.RegisterAsync(Shared);
        await using var here = await relay.ConnectAsync(agent, maxInFlight: 4);
        await using var there = await peer.ConnectAsync(agent, maxInFlight: 4);

        // One node accepts all: when its own connection is full, the other's gets the rest.
        List<string> ids = [];
        for (var i = 0; i < 8; i++)
        {
            ids.Add(await relay.QueueAsync(agent));
        }

        var ofHere = await here.ReceiveWebhookIdsAsync(4);
        var ofThere = await there.ReceiveWebhookIdsAsync(4);
        Assert.Equal(ids.Order(), [.. ofHere.Concat(ofThere).Order()]);

        await here.AckAsync(ofHere);
        there.Cut();
        await peer.DisposeAsync();
        Assert.Equal(ofThere.Order(), (await here.ReceiveWebhookIdsAsync(4).WaitAsync(RelayHost.Patience)).Order());
    }

    [Fact]
    public async Task A_change_of_the_mode_reaches_the_other_node()
    {
        await using var relay = await RelayHost.StartAsync("redis");
        await using var peer = relay.StartAnother();
        var agent = await relay.RegisterAsync(Shared);
        await using var here = await relay.ConnectAsync(agent);
        await using var there = await peer.ConnectAsync(agent);

        await relay.PatchAsync(agent, Exclusive);

        await Task.WhenAll(ExpectChangedAsync(here), ExpectChangedAsync(there));
        await using var older = await relay.ConnectAsync(agent);
        await using var newer = await peer.ConnectAsync(agent);
        Assert.Equal(4009, await older.ReadToCloseAsync());
    }

    [Theory]
    [InlineData("\"both\"")]
    [InlineData("1")]
    [InlineData("true")]
    public async Task Another_mode_is_refused(string mode)
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        using var response = await relay.AdminAsync(HttpMethod.Post, "/api/v1/register", $$$"""{"delivery":{"connections":{{{mode}}}}}""");

        Assert.Equal(System.Net.HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains("delivery.connections must be \\u0022exclusive\\u0022", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_mode_is_shown()
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await relay.RegisterAsync(Shared);
        Assert.Equal("shared", (await relay.ShowAsync(agent)).GetProperty("delivery").GetProperty("connections").GetString());

        var changed = await relay.PatchAsync(agent, """{"delivery":{"connections":null}}""");
        Assert.Equal("exclusive", changed.GetProperty("delivery").GetProperty("connections").GetString());
    }

    private static async Task WorkAsync(TestAgent connected, Action<string> got)
    {
        while (true)
        {
            string id;
            try
            {
                id = (await connected.ReceiveWebhookAsync()).Id;
            }
            catch (InvalidOperationException)
            {
                return;
            }

            got(id);
            await connected.AckAsync(id);
        }
    }

    private static async Task EndAsync(TestAgent[] connected, List<Task> working)
    {
        foreach (var one in connected)
        {
            await one.Socket.CloseOutputAsync(System.Net.WebSockets.WebSocketCloseStatus.NormalClosure, "", CancellationToken.None);
        }

        await Task.WhenAll(working);
        foreach (var one in connected)
        {
            await one.DisposeAsync();
        }
    }

    private static async Task ExpectChangedAsync(TestAgent connected)
    {
        JsonElement goodbye;
        do
        {
            goodbye = await connected.ReceiveAsync().WaitAsync(AtOnce);
        }
        while (goodbye.GetProperty("type").GetString() == "webhook");

        Assert.Equal("disconnect", goodbye.GetProperty("type").GetString());
        Assert.Equal(("settings_changed", 0L), (goodbye.GetProperty("reason").GetString(), goodbye.GetProperty("reconnect_after_ms").GetInt64()));
        Assert.Equal(CloseCodes.Shutdown, await connected.ReadToCloseAsync());
        await connected.CloseAsync();
    }
}
