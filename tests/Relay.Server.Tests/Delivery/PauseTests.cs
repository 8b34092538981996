using System.Net.Http.Headers;
using System.Text.Json;
using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Delivery;

public sealed class PauseTests
{
    private const string Pause = """{"delivery":{"paused":true}}""";
    private const string Resume = """{"delivery":{"paused":false}}""";
    private static readonly TimeSpan AtOnce = TimeSpan.FromSeconds(1);

    [Theory, OnEachStore]
    public async Task A_paused_agent_accepts_and_keeps_and_a_resumed_one_gets_all_in_order(string store)
    {
        await using var relay = await RelayHost.StartAsync(store, ownClock: true);
        var agent = await relay.RegisterAsync(Pause);
        var before = await relay.QueueAsync(agent);
        await using var connected = await relay.ConnectAsync(agent);
        Assert.Equal(1, connected.Welcome.GetProperty("pending").GetInt64());
        var after = await relay.QueueAsync(agent);

        // Several sweeps, at which what is due is asked for.
        for (var i = 0; i < 40; i++)
        {
            relay.Clock!.Advance(TimeSpan.FromMilliseconds(500));
            await connected.AssertSilentAsync();
        }

        Assert.Equal(0, (await relay.FindAsync(agent, before)).AttemptCount);

        await relay.PatchAsync(agent, Resume);

        Assert.Equal([before, after], await connected.ReceiveWebhookIdsAsync(2).WaitAsync(AtOnce));
        await connected.AckAsync(before, after);
        Assert.Equal(await relay.QueueAsync(agent), (await connected.ReceiveWebhookAsync()).Id);
    }

    [Theory, OnEachStore]
    public async Task Acks_of_what_is_in_flight_count_while_paused_and_retries_wait(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync("""{"delivery":{"retry_delays_ms":[0]}}""");
        await using var connected = await relay.ConnectAsync(agent);
        string[] ids = [await relay.QueueAsync(agent), await relay.QueueAsync(agent)];
        await connected.ReceiveWebhookIdsAsync(2);

        await relay.PatchAsync(agent, Pause);
        await relay.AppliedAsync(agent);
        var third = await relay.QueueAsync(agent);
        await connected.AckAsync(ids[0]);
        await connected.SendAsync($$"""{"type":"nack","id":"{{ids[1]}}"}""");

        await relay.WhenAsync(agent, ids[0], EventState.Delivered);
        await relay.WhenAsync(agent, ids[1], EventState.Waiting);
        await connected.AssertSilentAsync();

        await relay.PatchAsync(agent, Resume);
        Assert.Equal([ids[1], third], await connected.ReceiveWebhookIdsAsync(2).WaitAsync(AtOnce));
    }

    [Theory, OnEachStore]
    public async Task A_pause_outlives_a_restart(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync();
        await relay.PatchAsync(agent, Pause);
        var id = await relay.QueueAsync(agent);
        await relay.RestartAsync();

        await using var connected = await relay.ConnectAsync(agent);
        await connected.AssertSilentAsync();

        await relay.PatchAsync(agent, Resume);
        Assert.Equal(id, (await connected.ReceiveWebhookAsync().WaitAsync(AtOnce)).Id);
    }

    [Theory, OnEachStore]
    public async Task A_poll_gets_nothing_while_paused_and_a_waiting_one_gets_all_on_resume(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync(Pause);
        var id = await relay.QueueAsync(agent);
        Assert.Equal(0, (await PollAsync(relay, agent, "")).GetProperty("count").GetInt32());

        var waiting = PollAsync(relay, agent, "?wait=30");
        await Eventually.AsyncTrue(async () =>
        {
            // Again until the poll has subscribed: it begins at its own time.
            await relay.PatchAsync(agent, Pause);
            await relay.PatchAsync(agent, Resume);
            return waiting.IsCompleted;
        });

        Assert.Equal(id, Assert.Single((await waiting).GetProperty("events").EnumerateArray()).GetProperty("id").GetString());
    }

    [Fact]
    public async Task Pause_and_resume_reach_the_node_of_the_connection()
    {
        await using var relay = await RelayHost.StartAsync("redis");
        await using var peer = relay.StartAnother();
        var agent = await relay.RegisterAsync();
        await using var connected = await peer.ConnectAsync(agent);

        await relay.PatchAsync(agent, Pause);
        await peer.AppliedAsync(agent);
        var id = await peer.QueueAsync(agent);
        await connected.AssertSilentAsync();

        await relay.PatchAsync(agent, Resume);
        Assert.Equal(id, (await connected.ReceiveWebhookAsync().WaitAsync(AtOnce)).Id);
    }

    private static async Task<JsonElement> PollAsync(RelayHost relay, RegisterResponse agent, string query)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/v1/pending/{agent.RelayId}{query}");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", agent.ApiKey);
        using var response = await relay.Http.SendAsync(request);
        return await RelayHost.ReadJsonAsync(response);
    }
}
