using Microsoft.Extensions.DependencyInjection;
using Relay.Protocol;
using Relay.Server.Connections;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Connections;

public sealed class PresenceTests
{
    private const string Shared = """{"delivery":{"connections":"shared"}}""";

    [Theory, OnEachStore]
    public async Task An_agent_is_connected_as_long_as_its_connection_lasts(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync();
        Assert.Equal((false, false, false), await SeenAsync(relay, agent));

        await using (var connected = await relay.ConnectAsync(agent))
        {
            Assert.Equal((true, true, true), await SeenAsync(relay, agent));
            connected.Cut();
        }

        await UntilAsync(relay, agent, isConnected: false);
        Assert.Equal((false, false, false), await SeenAsync(relay, agent));
    }

    [Fact]
    public async Task Another_nodes_connection_is_seen_at_once_and_no_more_when_it_ends()
    {
        await using var relay = await RelayHost.StartAsync("redis");
        await using var peer = relay.StartAnother();
        var agent = await relay.RegisterAsync();
        await using var connected = await peer.ConnectAsync(agent);

        Assert.Equal((true, true, true), await SeenAsync(relay, agent));
        Assert.True(await IsListedAsConnectedAsync(relay, agent));

        await connected.CloseAsync();
        await UntilAsync(relay, agent, isConnected: false);
        Assert.False(await IsListedAsConnectedAsync(relay, agent));
    }

    [Fact]
    public async Task A_duplicate_is_answered_with_it_too()
    {
        await using var relay = await RelayHost.StartAsync("redis");
        await using var peer = relay.StartAnother();
        var agent = await relay.RegisterAsync();
        await using var connected = await peer.ConnectAsync(agent);

        foreach (var status in (string[])["queued", "duplicate"])
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/v1/webhook/{agent.RelayId}") { Headers = { { "Idempotency-Key", "same" } } };
            using var response = await relay.Http.SendAsync(request);
            var answer = await RelayHost.ReadJsonAsync(response);
            Assert.Equal((status, true), (answer.GetProperty("status").GetString(), answer.GetProperty("agent_connected").GetBoolean()));
        }
    }

    [Fact]
    public async Task An_agent_that_moves_between_nodes_is_connected_all_the_while()
    {
        await using var relay = await RelayHost.StartAsync("redis");
        await using var peer = relay.StartAnother();
        var agent = await relay.RegisterAsync();
        await using var older = await relay.ConnectAsync(agent);

        await using var newer = await peer.ConnectAsync(agent);
        await older.ReadToCloseAsync();
        await older.CloseAsync();

        await Eventually.AsyncTrue(() => !Registry(relay).All.Any());
        Assert.Equal((true, true, true), await SeenAsync(relay, agent));
    }

    [Fact]
    public async Task It_lasts_until_the_last_of_several_connections_has_ended()
    {
        await using var relay = await RelayHost.StartAsync("redis");
        await using var peer = relay.StartAnother();
        var agent = await relay.RegisterAsync(Shared);
        await using var first = await peer.ConnectAsync(agent);
        await using var second = await peer.ConnectAsync(agent);

        await first.CloseAsync();
        await Eventually.AsyncTrue(() => Registry(peer).All.Count() == 1);
        Assert.True(await Presence(relay).IsConnectedAsync(Id(agent)));

        await second.CloseAsync();
        await UntilAsync(relay, agent, isConnected: false);
    }

    [Fact]
    public async Task An_idle_agent_stays_connected_and_one_of_a_dead_node_is_forgotten()
    {
        await using var relay = await RelayHost.StartAsync("redis", ownClock: true);
        await using var peer = relay.StartAnother();
        var (idle, dead) = (await relay.RegisterAsync(), await relay.RegisterAsync());
        await using var connected = await peer.ConnectAsync(idle);

        // A node that told of its connection and then nothing more.
        var now = relay.Clock!.GetUtcNow();
        await peer.Services.GetRequiredService<IPresenceStore>().AnnounceAsync(Id(dead), now, now + Server.Connections.Presence.Lifetime);
        Assert.True(await Presence(relay).IsConnectedAsync(Id(dead)));

        var forgotten = UntilAsync(relay, dead, isConnected: false);
        await relay.AdvanceUntilAsync(Pinged(connected, forgotten), TimeSpan.FromSeconds(1));

        Assert.True(relay.Clock.GetUtcNow() - now >= Server.Connections.Presence.Lifetime);
        Assert.True(await Presence(relay).IsConnectedAsync(Id(idle)));
    }

    [Fact]
    public async Task It_comes_back_by_itself_after_Redis_lost_it()
    {
        await using var relay = RelayHost.Start(await StoreSetup.CreateWithOwnRedisAsync(), ownClock: true);
        await using var peer = relay.StartAnother();
        var agent = await relay.RegisterAsync();
        await using var connected = await peer.ConnectAsync(agent);

        Assert.Equal(":1", await relay.Store.Redis.SendAsync($"DEL {relay.Store.Settings["Relay:Storage:KeyPrefix"]}{{{agent.RelayId}}}:nodes"));
        Assert.False(await Presence(relay).IsConnectedAsync(Id(agent)));

        await relay.AdvanceUntilAsync(Pinged(connected, UntilAsync(relay, agent, isConnected: true)), TimeSpan.FromSeconds(1));
    }

    /// <summary>Reads, so that pings are answered while the clock moves, until the task is done.</summary>
    private static async Task<bool> Pinged(TestAgent connected, Task until)
    {
        var reading = connected.ReceiveAsync();
        await Task.WhenAny(reading, until);
        await until;
        return true;
    }

    private static async Task<(bool Here, bool InAnswer, bool Shown)> SeenAsync(RelayHost relay, RegisterResponse agent)
    {
        using var response = await relay.PostAsync(agent, "{}"u8.ToArray());
        return (
            await Presence(relay).IsConnectedAsync(Id(agent)),
            (await RelayHost.ReadJsonAsync(response)).GetProperty("agent_connected").GetBoolean(),
            (await relay.ShowAsync(agent)).GetProperty("connected").GetBoolean());
    }

    private static async Task<bool> IsListedAsConnectedAsync(RelayHost relay, RegisterResponse agent)
    {
        using var response = await relay.AdminAsync(HttpMethod.Get, "/api/v1/agents");
        return (await RelayHost.ReadJsonAsync(response)).GetProperty("agents").EnumerateArray()
            .Single(one => one.GetProperty("relay_id").GetString() == agent.RelayId).GetProperty("connected").GetBoolean();
    }

    private static Task UntilAsync(RelayHost relay, RegisterResponse agent, bool isConnected) =>
        Eventually.AsyncTrue(async () => await Presence(relay).IsConnectedAsync(Id(agent)) == isConnected);

    private static IPresence Presence(RelayHost relay) => relay.Services.GetRequiredService<IPresence>();

    private static ConnectionRegistry Registry(RelayHost relay) => relay.Services.GetRequiredService<ConnectionRegistry>();

    private static RelayId Id(RegisterResponse agent) => RelayId.TryParse(agent.RelayId, out var id) ? id : throw new ArgumentException(agent.RelayId);
}
