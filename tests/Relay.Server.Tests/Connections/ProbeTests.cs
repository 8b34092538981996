using System.Net;
using System.Text.Json;
using Relay.Protocol;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Connections;

public sealed class ProbeTests
{
    [Theory, OnEachStore]
    public async Task A_probe_goes_through_queue_and_socket_and_comes_back_with_its_time(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);

        var probing = ProbeAsync(relay, agent);
        var id = (await connected.ExpectAsync("probe")).GetProperty("id").GetString()!;
        Assert.Matches("^prb_[0-9a-f]{32}$", id);
        await connected.AckAsync(id);

        var answer = await probing;
        Assert.Equal("ok", answer.GetProperty("status").GetString());
        Assert.True(answer.GetProperty("duration_ms").GetDouble() > 0);
        await connected.AssertSilentAsync();
    }

    [Fact]
    public async Task A_probe_reaches_an_agent_on_another_node()
    {
        await using var relay = await RelayHost.StartAsync("redis");
        await using var peer = relay.StartAnother();
        var agent = await relay.RegisterAsync();
        await using var connected = await peer.ConnectAsync(agent);

        var probing = ProbeAsync(relay, agent);
        await connected.AckAsync((await connected.ExpectAsync("probe")).GetProperty("id").GetString()!);

        Assert.Equal("ok", (await probing).GetProperty("status").GetString());
    }

    [Fact]
    public async Task A_probe_that_does_not_come_back_times_out_and_leaves_nothing_in_the_queue()
    {
        await using var relay = await RelayHost.StartAsync("embedded", ownClock: true);
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent, maxInFlight: 1);

        var answer = await relay.AdvanceUntilAsync(ProbeAsync(relay, agent));

        Assert.Equal("timeout", answer.GetProperty("status").GetString());
        connected.Cut();
        await using var again = await relay.ConnectAsync(agent);
        Assert.Equal(0, again.Welcome.GetProperty("pending").GetInt64());
    }

    [Fact]
    public async Task An_agent_that_is_away_is_said_to_be_so()
    {
        await using var relay = await RelayHost.StartAsync("embedded");

        Assert.Equal("not_connected", (await ProbeAsync(relay, await relay.RegisterAsync())).GetProperty("status").GetString());
    }

    [Fact]
    public async Task A_probe_needs_the_admin_key_or_the_agents_own()
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await relay.RegisterAsync();

        using var response = await relay.Http.PostAsync(new Uri($"/api/v1/agents/{agent.RelayId}/probe", UriKind.Relative), null);

        await Expect.ErrorAsync(response, HttpStatusCode.Unauthorized, "invalid_api_key");
    }

    private static async Task<JsonElement> ProbeAsync(RelayHost relay, RegisterResponse agent)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/v1/agents/{agent.RelayId}/probe");
        request.Headers.Add("X-Admin-Key", RelayHost.AdminKey);
        using var response = await relay.Http.SendAsync(request);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return await RelayHost.ReadJsonAsync(response);
    }
}
