using System.Net;
using System.Text.Json;
using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Events;

public sealed class LogTests
{
    [Theory, OnEachStore]
    public async Task Connects_disconnects_nacks_and_dead_letters_are_logged(string store)
    {
        await using var host = await RelayHost.StartAsync(store);
        var agent = await host.RegisterAsync();
        string id;
        await using (var connected = await host.ConnectAsync(agent))
        {
            id = await host.QueueAsync(agent);
            await connected.ReceiveWebhookAsync();
            await connected.SendAsync(JsonSerializer.Serialize(new { type = "nack", id, reason = "busy", retry_after_ms = 0 }));
            Assert.Equal(id, (await connected.ReceiveWebhookAsync()).Id);
            await connected.SendAsync(JsonSerializer.Serialize(new { type = "nack", id, reason = "broken", dead_letter = true }));
            await host.WhenAsync(agent, id, EventState.Dead);
            await connected.CloseAsync();
        }

        var log = await LogAsync(host, agent, 4);
        Assert.Equal(["connected", "disconnected", "event_dead", "event_nacked"], log.Select(Type).Order());
        var session = log.Single(entry => Type(entry) == "connected").GetProperty("session_id").GetString();
        Assert.All(log, entry => Assert.Equal((session, agent.RelayId), (entry.GetProperty("session_id").GetString(), entry.GetProperty("relay_id").GetString())));
        var dead = log.Single(entry => Type(entry) == "event_dead");
        Assert.Equal((id, "broken"), (dead.GetProperty("event_id").GetString(), dead.GetProperty("reason").GetString()));
        var closed = log.Single(entry => Type(entry) == "disconnected");
        Assert.Equal(("closed_by_agent", 1000), (closed.GetProperty("reason").GetString(), closed.GetProperty("close_code").GetInt32()));
    }

    [Theory, OnEachStore]
    public async Task A_wrong_key_is_logged_for_the_agent_it_was_tried_on_and_only_now_and_then(string store)
    {
        await using var host = await RelayHost.StartAsync(store);
        var agent = await host.RegisterAsync();
        for (var i = 0; i < 3; i++)
        {
            await using var stranger = await host.OpenAsync();
            await stranger.SendAsync(JsonSerializer.Serialize(new { type = "auth", relay_id = agent.RelayId, api_key = "sk_wrong" }));
            Assert.Equal(4001, await stranger.ReadToCloseAsync());
        }

        var failure = Assert.Single(await LogAsync(host, agent, 1));
        Assert.Equal(("auth_failed", "invalid_api_key"), (Type(failure), failure.GetProperty("reason").GetString()));
    }

    [Theory, OnEachStore]
    public async Task A_shutdown_is_logged_before_the_server_is_gone(string store)
    {
        await using var host = await RelayHost.StartAsync(store);
        var agent = await host.RegisterAsync();
        await using (await host.ConnectAsync(agent))
        {
            await host.RestartAsync();
        }

        Assert.Contains("disconnected", (await LogAsync(host, agent, 2)).Select(Type));
    }

    [Theory, OnEachStore]
    public async Task A_log_is_read_page_by_page_and_by_nobody_else(string store)
    {
        await using var host = await RelayHost.StartAsync(store);
        var (agent, other) = (await host.RegisterAsync(), await host.RegisterAsync());
        await host.DeadLetterAsync(agent);
        var all = await LogAsync(host, agent, 3);

        var first = await host.GetJsonAsync($"agents/{agent.RelayId}/logs?limit=2");
        var second = await host.GetJsonAsync($"agents/{agent.RelayId}/logs?limit=2&cursor={first.GetProperty("next_cursor").GetString()}");
        Assert.Equal(
            all.Select(entry => entry.GetRawText()),
            [.. first.GetProperty("logs").EnumerateArray().Concat(second.GetProperty("logs").EnumerateArray()).Select(entry => entry.GetRawText())]);
        Assert.Equal(JsonValueKind.Null, second.GetProperty("next_cursor").ValueKind);

        await Expect.ErrorAsync(await host.GetAsync($"agents/{agent.RelayId}/logs", other), HttpStatusCode.NotFound, "unknown_relay_id");
        foreach (var query in new[] { "limit=0", "limit=101", "limit=x", "cursor=x", "cursor=-1", "cursor=1.5", "cursor=99999999999999999999" })
        {
            await Expect.ErrorAsync(await host.GetAsync($"agents/{agent.RelayId}/logs?{query}"), HttpStatusCode.BadRequest, "invalid_request");
        }
    }

    /// <summary>Waits until so many entries are there: they are stored after what they are about.</summary>
    private static async Task<JsonElement[]> LogAsync(RelayHost host, RegisterResponse agent, int count) => await Eventually.Async(
        async () => (await host.GetJsonAsync($"agents/{agent.RelayId}/logs", agent)).GetProperty("logs").EnumerateArray().ToArray(),
        log => log.Length >= count);

    private static string? Type(JsonElement entry) => entry.GetProperty("type").GetString();
}
