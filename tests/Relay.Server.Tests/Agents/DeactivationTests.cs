using System.Net;
using System.Net.WebSockets;
using System.Text.Json;
using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Agents;

public sealed class DeactivationTests
{
    private static readonly TimeSpan AtOnce = TimeSpan.FromSeconds(1);

    [Theory, OnEachStore]
    public async Task A_deactivated_agent_is_cut_off_and_its_urls_and_key_open_nothing(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);
        var id = await relay.QueueAsync(agent);
        await connected.ReceiveWebhookAsync();

        await relay.DeactivateAsync(agent);

        await ExpectCutOffAsync(connected);
        await ExpectNothingOpensAsync(relay, agent);
        var shown = await relay.ShowAsync(agent);
        Assert.False(shown.GetProperty("active").GetBoolean() || shown.GetProperty("connected").GetBoolean());
        var found = await relay.WhenAsync(agent, id, EventState.Waiting);
        Assert.Equal((0, AttemptOutcome.Released), (found.Failures, Assert.Single(found.Attempts).Outcome));
    }

    [Theory, OnEachStore]
    public async Task A_second_deactivation_is_no_error_and_a_change_finds_no_active_agent(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync();

        await relay.DeactivateAsync(agent);
        await relay.DeactivateAsync(agent);

        using var change = await relay.AdminAsync(HttpMethod.Patch, $"/api/v1/agents/{agent.RelayId}", """{"name":"n"}""");
        await Expect.ErrorAsync(change, HttpStatusCode.NotFound, "unknown_relay_id");
        Assert.False((await relay.ShowAsync(agent)).GetProperty("active").GetBoolean());
    }

    [Fact]
    public async Task A_deactivation_on_one_node_cuts_off_on_the_others()
    {
        await using var relay = await RelayHost.StartAsync("redis");
        await using var peer = relay.StartAnother();
        var agent = await relay.RegisterAsync();
        await using var connected = await peer.ConnectAsync(agent);
        await peer.QueueAsync(agent);
        await connected.ReceiveWebhookAsync();

        await relay.DeactivateAsync(agent);

        await ExpectCutOffAsync(connected);
        await ExpectNothingOpensAsync(peer, agent);
    }

    [Theory, OnEachStore]
    public async Task An_agent_deactivated_while_it_connects_does_not_stay(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        for (var i = 0; i < 10; i++)
        {
            var agent = await relay.RegisterAsync();
            var deactivation = relay.DeactivateAsync(agent);
            await using var connected = await relay.OpenAsync();
            await connected.SendAsync(JsonSerializer.Serialize(new { type = "auth", api_key = agent.ApiKey }));

            Assert.Equal(4001, await connected.ReadToCloseAsync());
            await deactivation;
        }
    }

    private static async Task ExpectCutOffAsync(TestAgent connected)
    {
        var goodbye = await connected.ExpectAsync("disconnect").WaitAsync(AtOnce);
        Assert.Equal("deactivated", goodbye.GetProperty("reason").GetString());
        Assert.False(goodbye.TryGetProperty("reconnect_after_ms", out _));
        Assert.Equal(4001, await connected.ReadToCloseAsync());
        await connected.CloseAsync();
    }

    private static async Task ExpectNothingOpensAsync(RelayHost relay, RegisterResponse agent)
    {
        using var webhook = await relay.PostAsync(agent, "{}"u8.ToArray());
        await Expect.ErrorAsync(webhook, HttpStatusCode.NotFound, "unknown_relay_id");

        await Assert.ThrowsAsync<WebSocketException>(() => relay.OpenAsync(bearer: agent.ApiKey));

        await using var again = await relay.OpenAsync();
        await again.SendAsync(JsonSerializer.Serialize(new { type = "auth", api_key = agent.ApiKey }));
        Assert.Equal("invalid_api_key", (await again.ExpectAsync("auth_error")).GetProperty("error").GetString());
    }
}
