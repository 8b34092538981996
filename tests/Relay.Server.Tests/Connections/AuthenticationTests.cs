using System.Net;
using System.Net.WebSockets;
using System.Text;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Connections;

public sealed class AuthenticationTests
{
    [Theory]
    [OnEachStore("/")]
    [OnEachStore("/api/v1/connect")]
    public async Task The_key_alone_in_the_first_frame_opens_the_connection(string store, string path)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync();
        await relay.QueueAsync(agent);
        await using var connected = await relay.OpenAsync(path);

        await connected.AuthenticateAsync(agent.ApiKey, relayId: "");

        Assert.Equal(agent.RelayId, connected.Welcome.GetProperty("relay_id").GetString());
        Assert.Equal(agent.WebhookUrl, connected.Welcome.GetProperty("webhook_url").GetString());
        Assert.NotEmpty(connected.Welcome.GetProperty("session_id").GetString()!);
        Assert.True(connected.Welcome.GetProperty("timestamp").GetInt64() > 0);
        Assert.Equal(1, connected.Welcome.GetProperty("pending").GetInt64());
    }

    [Theory, OnEachStore]
    public async Task The_key_as_bearer_on_the_upgrade_opens_the_connection(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync();

        await using var connected = await relay.OpenAsync(bearer: agent.ApiKey);

        await connected.ExpectAsync("auth_success");
        var id = await relay.QueueAsync(agent);
        Assert.Equal(id, (await connected.ReceiveWebhookAsync()).Id);
    }

    [Theory]
    [InlineData("sk_0000000000000000000000000000000000000000000_00000000000000000000000000000000")]
    [InlineData("nonsense")]
    [InlineData("")]
    public async Task A_wrong_key_in_the_first_frame_is_refused_with_4001(string key)
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        await using var connected = await relay.OpenAsync();

        await connected.SendAsync($$"""{"type":"auth","relay_id":"","api_key":"{{key}}"}""");

        var refused = await connected.ExpectAsync("auth_error");
        Assert.Equal("invalid_api_key", refused.GetProperty("error").GetString());
        Assert.NotEmpty(refused.GetProperty("message").GetString()!);
        Assert.Equal(4001, await connected.ReadToCloseAsync());
    }

    [Fact]
    public async Task A_relay_id_that_is_not_the_keys_is_refused()
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var (agent, other) = (await relay.RegisterAsync(), await relay.RegisterAsync());
        await using var connected = await relay.OpenAsync();

        await connected.SendAsync($$"""{"type":"auth","relay_id":"{{other.RelayId}}","api_key":"{{agent.ApiKey}}"}""");

        Assert.Equal("relay_id_mismatch", (await connected.ExpectAsync("auth_error")).GetProperty("error").GetString());
        Assert.Equal(4001, await connected.ReadToCloseAsync());
    }

    [Theory]
    [InlineData("sk_0000000000000000000000000000000000000000000_00000000000000000000000000000000")]
    [InlineData("nonsense")]
    public async Task A_wrong_bearer_is_401_and_no_upgrade(string key)
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/connect");
        foreach (var (name, value) in new[]
        {
            ("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("Authorization", $"Bearer {key}"),
        })
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        using var response = await relay.Http.SendAsync(request);

        await Expect.ErrorAsync(response, HttpStatusCode.Unauthorized, "invalid_api_key");
    }

    [Fact]
    public async Task A_plain_get_is_told_to_upgrade()
    {
        await using var relay = await RelayHost.StartAsync("embedded");

        foreach (var path in (string[])["/", "/api/v1/connect"])
        {
            using var response = await relay.Http.GetAsync(new Uri(path, UriKind.Relative));
            await Expect.ErrorAsync(response, HttpStatusCode.UpgradeRequired, "upgrade_required");
        }
    }

    [Fact]
    public async Task Who_does_not_authenticate_in_time_is_closed_with_4002()
    {
        await using var relay = await RelayHost.StartAsync("embedded", ownClock: true);
        await using var connected = await relay.OpenAsync();

        var refused = await relay.AdvanceUntilAsync(connected.ExpectAsync("auth_error"));

        Assert.Equal("auth_timeout", refused.GetProperty("error").GetString());
        Assert.Equal(4002, await connected.ReadToCloseAsync());
    }

    [Fact]
    public async Task Frames_before_the_auth_are_refused_and_it_still_counts()
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.OpenAsync();

        await connected.SendAsync("""{"type":"ack","id":"evt_00000000000000000000000000000000"}""");
        Assert.Equal("auth_required", (await connected.ExpectAsync("error")).GetProperty("error").GetString());
        await connected.SendAsync("nonsense");
        Assert.Equal("invalid_message", (await connected.ExpectAsync("error")).GetProperty("error").GetString());

        await connected.AuthenticateAsync(agent.ApiKey);
    }

    [Fact]
    public async Task Too_many_frames_before_the_auth_close_with_4000()
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        await using var connected = await relay.OpenAsync();

        for (var i = 0; i < 10; i++)
        {
            await connected.SendAsync("{}");
        }

        Assert.Equal(4000, await connected.ReadToCloseAsync());
    }

    [Fact]
    public async Task A_large_frame_before_the_auth_closes_with_4013()
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        await using var connected = await relay.OpenAsync();

        await connected.SendAsync(Encoding.ASCII.GetBytes(new string('x', 20_000)), WebSocketMessageType.Text);

        Assert.Equal(4013, await connected.ReadToCloseAsync());
    }
}
