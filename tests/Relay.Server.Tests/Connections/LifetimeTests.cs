using Relay.Server.Delivery;
using Relay.Server.Storage.Embedded;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Connections;

public sealed class LifetimeTests
{
    [Fact]
    public async Task Three_unanswered_pings_close_with_4008()
    {
        await using var relay = await RelayHost.StartAsync("embedded", ownClock: true);
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);
        connected.AnswersPings = false;

        for (var i = 0; i < 3; i++)
        {
            await relay.AdvanceUntilAsync(connected.ExpectAsync("ping"), TimeSpan.FromSeconds(10));
        }

        Assert.Equal(4008, await relay.AdvanceUntilAsync(connected.ReadToCloseAsync()));
    }

    [Fact]
    public async Task Any_frame_counts_as_life()
    {
        await using var relay = await RelayHost.StartAsync("embedded", ownClock: true);
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);
        connected.AnswersPings = false;

        for (var i = 0; i < 10; i++)
        {
            await relay.AdvanceUntilAsync(connected.ExpectAsync("ping"), TimeSpan.FromSeconds(10));
            await connected.AssertSilentAsync();
        }
    }

    [Theory, OnEachStore]
    public async Task A_newer_connection_takes_over_and_gets_at_once_what_the_older_had(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync();
        await using var older = await relay.ConnectAsync(agent);
        string[] ids = [await relay.QueueAsync(agent), await relay.QueueAsync(agent)];
        Assert.Equal(ids, await older.ReceiveWebhookIdsAsync(2));

        await using var newer = await relay.ConnectAsync(agent);

        Assert.Equal(2, newer.Welcome.GetProperty("pending").GetInt64());
        Assert.Equal(ids, await newer.ReceiveWebhookIdsAsync(2));
        var goodbye = await older.ExpectAsync("disconnect");
        Assert.Equal("duplicate_connection", goodbye.GetProperty("reason").GetString());
        Assert.False(goodbye.TryGetProperty("reconnect_after_ms", out _));
        Assert.Equal(4009, await older.ReadToCloseAsync());
        var third = await relay.QueueAsync(agent);
        Assert.Equal(third, (await newer.ReceiveWebhookAsync()).Id);
        Assert.Equal(0, (await relay.FindAsync(agent, ids[0])).Failures);
    }

    [Theory, OnEachStore]
    public async Task Of_many_that_connect_together_one_stays_and_receives(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync();

        var all = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => relay.OpenAsync(bearer: agent.ApiKey)));

        var id = await relay.QueueAsync(agent);
        var received = await Task.WhenAll(all.Select(async connected =>
        {
            await using (connected)
            {
                while (true)
                {
                    var message = await connected.ReceiveAsync();
                    switch (message.GetProperty("type").GetString())
                    {
                        case "disconnect":
                            Assert.Equal(4009, await connected.ReadToCloseAsync());
                            return false;
                        case "webhook":
                            Assert.Equal(id, message.GetProperty("id").GetString());
                            return true;
                        default:
                            Assert.Equal("auth_success", message.GetProperty("type").GetString());
                            break;
                    }
                }
            }
        }));
        Assert.Single(received, static got => got);
    }

    [Theory, OnEachStore]
    public async Task A_shutdown_tells_agents_takes_their_acks_and_loses_nothing(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent, maxInFlight: 2);
        string[] ids = [await relay.QueueAsync(agent), await relay.QueueAsync(agent), await relay.QueueAsync(agent)];
        await connected.ReceiveWebhookIdsAsync(2);

        var restart = relay.RestartAsync();
        var goodbye = await connected.ExpectAsync("disconnect");
        Assert.Equal("server_shutdown", goodbye.GetProperty("reason").GetString());
        Assert.InRange(goodbye.GetProperty("reconnect_after_ms").GetInt64(), 1, 10_000);
        await connected.AckAsync(ids[..2]);
        Assert.Equal(1001, await connected.ReadToCloseAsync());
        await connected.CloseAsync();
        await restart;

        Assert.Equal(EventState.Delivered, (await relay.FindAsync(agent, ids[0])).State);
        Assert.Equal(EventState.Delivered, (await relay.FindAsync(agent, ids[1])).State);
        await using var again = await relay.ConnectAsync(agent);
        Assert.Equal([ids[2]], await again.ReceiveWebhookIdsAsync(1));
        await again.AssertSilentAsync();
    }

    [Theory, OnEachStore]
    public async Task A_shutdown_gives_back_uncounted_what_was_not_acknowledged(string store)
    {
        await using var relay = await RelayHost.StartAsync(store, settings: ("Relay:Connections:DrainTimeout", "00:00:00"));
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);
        var id = await relay.QueueAsync(agent);
        await connected.ReceiveWebhookAsync();

        var restart = relay.RestartAsync();
        Assert.Equal(1001, await connected.ReadToCloseAsync());
        await connected.CloseAsync();
        await restart;

        await using var again = await relay.ConnectAsync(agent);
        var webhook = await again.ReceiveWebhookAsync();
        Assert.Equal((id, 2), (webhook.Id, webhook.Attempt));
        Assert.Equal(0, (await relay.FindAsync(agent, id)).Failures);
    }

    [Fact]
    public async Task A_client_that_closes_gets_its_close_answered()
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);

        await connected.CloseAsync();

        Assert.Equal(System.Net.WebSockets.WebSocketState.Closed, connected.Socket.State);
    }

    [Theory, OnEachStore]
    public async Task An_ack_that_comes_after_the_takeover_still_counts(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync();
        await using var older = await relay.ConnectAsync(agent);
        var id = await relay.QueueAsync(agent);
        await older.ReceiveWebhookAsync();
        await using var newer = await relay.ConnectAsync(agent);
        Assert.Equal(id, (await newer.ReceiveWebhookAsync()).Id);
        await older.ExpectAsync("disconnect");

        await older.AckAsync(id);

        await relay.WhenAsync(agent, id, EventState.Delivered);
    }

    [Fact]
    public async Task A_connection_on_another_node_takes_over_from_one_whose_window_is_full()
    {
        await using var relay = await RelayHost.StartAsync("redis", ownClock: true);
        await using var other = relay.StartAnother();
        var agent = await relay.RegisterAsync();
        await using var older = await relay.ConnectAsync(agent, maxInFlight: 1);
        var id = await relay.QueueAsync(agent);
        await older.ReceiveWebhookAsync();

        await using var newer = await other.ConnectAsync(agent);

        Assert.Equal(id, (await newer.ReceiveWebhookAsync()).Id);
        Assert.Equal("duplicate_connection", (await older.ExpectAsync("disconnect")).GetProperty("reason").GetString());
        Assert.Equal(4009, await older.ReadToCloseAsync());
    }

    [Fact]
    public async Task A_store_that_takes_its_time_to_open_a_connection_is_no_missing_auth()
    {
        await using var relay = await RelayHost.StartAsync("embedded", ownClock: true);
        var agent = await relay.RegisterAsync();
        using var goOn = new ManualResetEventSlim();
        var stuck = Embedded(relay).Writer.RunAsync(_ => goOn.Wait(RelayHost.Patience));

        await using var connected = await relay.OpenAsync(bearer: agent.ApiKey);
        for (var i = 0; i < 50; i++)
        {
            relay.Clock!.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(TimeSpan.FromMilliseconds(2), TimeProvider.System);
        }

        goOn.Set();
        await stuck;
        await connected.ExpectAsync("auth_success");
    }

    [Fact]
    public async Task Who_connects_while_the_server_begins_to_shut_down_does_not_hold_it_up()
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await relay.RegisterAsync();
        using var goOn = new ManualResetEventSlim();
        var stuck = Task.Run(() => Embedded(relay).Agents.Read<object?>(_ =>
        {
            goOn.Wait(RelayHost.Patience);
            return null;
        }));
        await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System);
        var connecting = relay.OpenAsync(bearer: agent.ApiKey);
        await Task.Delay(TimeSpan.FromMilliseconds(500), TimeProvider.System);

        var restart = relay.RestartAsync();
        await Task.Delay(TimeSpan.FromMilliseconds(500), TimeProvider.System);
        goOn.Set();
        await stuck;

        await using var connected = await connecting;
        Assert.Equal(1001, await connected.ReadToCloseAsync().WaitAsync(TimeSpan.FromSeconds(5)));
        await connected.CloseAsync();
        await restart;
    }

    private static EmbeddedStore Embedded(RelayHost relay) => (EmbeddedStore)relay.Services.GetService(typeof(EmbeddedStore))!;
}
