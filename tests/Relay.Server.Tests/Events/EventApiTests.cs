using System.Net;
using System.Text;
using System.Text.Json;
using Relay.Server.Delivery;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Events;

public sealed class EventApiTests
{
    [Theory, OnEachStore]
    public async Task Every_event_shows_under_its_status(string store)
    {
        await using var host = await RelayHost.StartAsync(store);
        var agent = await host.RegisterAsync();
        var dead = await host.DeadLetterAsync(agent);
        var delivered = await host.DeliverAsync(agent);
        var queued = await host.QueueAsync(agent);

        Assert.Equal([queued], await host.ListIdsAsync(agent, "?status=queued"));
        Assert.Equal([delivered], await host.ListIdsAsync(agent, "?status=delivered"));
        Assert.Equal([dead], await host.ListIdsAsync(agent, "?status=dead"));
        Assert.Empty(await host.ListIdsAsync(agent, "?status=expired"));
        Assert.Equal([queued, delivered, dead], await host.ListIdsAsync(agent));

        await using var connected = await host.ConnectAsync(agent);
        await connected.ReceiveWebhookAsync();
        Assert.Equal([queued], await host.ListIdsAsync(agent, "?status=in_flight"));
    }

    [Theory, OnEachStore]
    public async Task A_list_is_read_page_by_page(string store)
    {
        await using var host = await RelayHost.StartAsync(store);
        var agent = await host.RegisterAsync();
        List<string> ids = [];
        for (var i = 0; i < 5; i++)
        {
            ids.Insert(0, await host.QueueAsync(agent));
        }

        var first = await host.GetJsonAsync($"agents/{agent.RelayId}/events?limit=3");
        Assert.Equal(3, first.GetProperty("events").GetArrayLength());
        Assert.Equal(ids[3..], await host.ListIdsAsync(agent, $"?limit=3&cursor={first.GetProperty("next_cursor").GetString()}"));
        Assert.Equal(JsonValueKind.Null, (await host.GetJsonAsync($"agents/{agent.RelayId}/events?limit=5")).GetProperty("next_cursor").ValueKind);
    }

    [Theory, OnEachStore]
    public async Task An_event_shows_its_exact_bytes_and_every_attempt(string store)
    {
        await using var host = await RelayHost.StartAsync(store);
        var agent = await host.RegisterAsync();
        string id;
        await using (var connected = await host.ConnectAsync(agent))
        {
            using var posted = await host.PostAsync(agent, "{ \"a\": 1.0 }"u8.ToArray(), pathAndQuery: "/hook?x=%20y");
            id = (await RelayHost.ReadJsonAsync(posted)).GetProperty("id").GetString()!;
            await connected.ReceiveWebhookAsync();
            await connected.SendAsync(JsonSerializer.Serialize(new { type = "nack", id, reason = "not \"now\"", dead_letter = true }));
            await host.WhenAsync(agent, id, EventState.Dead);
        }

        foreach (var reader in new[] { agent, null })
        {
            var shown = await host.GetJsonAsync($"events/{id}", reader);
            Assert.Equal(
                (id, agent.RelayId, "dead", "POST", "/hook", "x=%20y", "application/json", 12),
                (Text("id"), Text("relay_id"), Text("status"), Text("method"), Text("path"), Text("query"), Text("content_type"), shown.GetProperty("size_bytes").GetInt32()));
            Assert.Equal("application/json", shown.GetProperty("headers").GetProperty("content-type").GetString());
            Assert.Equal("{\"a\":1.0}", shown.GetProperty("payload").GetRawText());
            Assert.Equal("{ \"a\": 1.0 }"u8.ToArray(), shown.GetProperty("body").GetBytesFromBase64());
            Assert.InRange(shown.GetProperty("received_at").GetInt64(), 1, long.MaxValue);

            var attempt = Assert.Single(shown.GetProperty("attempts").EnumerateArray().ToArray());
            Assert.Equal(1, attempt.GetProperty("number").GetInt32());
            Assert.Equal("websocket", attempt.GetProperty("via").GetString());
            Assert.StartsWith("ses_", attempt.GetProperty("session_id").GetString(), StringComparison.Ordinal);
            Assert.Equal("nacked", attempt.GetProperty("outcome").GetString());
            Assert.Equal("not \"now\"", attempt.GetProperty("reason").GetString());
            Assert.True(attempt.GetProperty("at").GetInt64() > 0 && attempt.GetProperty("duration_ms").GetInt64() >= 0);

            string Text(string name) => shown.GetProperty(name).GetString()!;
        }
    }

    [Theory]
    [OnEachStore("{\"a\":[1]}", true, false)]
    [OnEachStore("not json", false, true)]
    [OnEachStore("", false, true)]
    [OnEachStore("null", true, false)]
    public async Task A_body_shows_as_payload_when_it_is_json_and_as_bytes_when_they_differ(string store, string body, bool isJson, bool hasBody)
    {
        await using var host = await RelayHost.StartAsync(store);
        var agent = await host.RegisterAsync();
        using var posted = await host.PostAsync(agent, Encoding.UTF8.GetBytes(body), "text/plain");
        var id = (await RelayHost.ReadJsonAsync(posted)).GetProperty("id").GetString()!;

        var shown = await host.GetJsonAsync($"events/{id}", agent);
        Assert.Equal(isJson ? body : "null", shown.GetProperty("payload").GetRawText());
        Assert.Equal(hasBody, shown.TryGetProperty("body", out var bytes));
        if (hasBody)
        {
            Assert.Equal(body, Encoding.UTF8.GetString(bytes.GetBytesFromBase64()));
        }
    }

    [Theory, OnEachStore]
    public async Task A_deeply_nested_payload_is_shown(string store)
    {
        await using var host = await RelayHost.StartAsync(store);
        var agent = await host.RegisterAsync();
        var id = await host.QueueAsync(agent, new string('[', 500) + new string(']', 500));

        using var response = await host.GetAsync($"events/{id}", agent);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Contains(new string('[', 500), await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Theory, OnEachStore]
    public async Task Another_agent_sees_nothing(string store)
    {
        await using var host = await RelayHost.StartAsync(store);
        var (owner, other) = (await host.RegisterAsync(), await host.RegisterAsync());
        var id = await host.QueueAsync(owner);

        await Expect.ErrorAsync(await host.GetAsync($"events/{id}", other), HttpStatusCode.NotFound, "unknown_event");
        await Expect.ErrorAsync(await host.GetAsync($"agents/{owner.RelayId}/events", other), HttpStatusCode.NotFound, "unknown_relay_id");
        await Expect.ErrorAsync(await host.Http.GetAsync(new Uri($"/api/v1/events/{id}", UriKind.Relative)), HttpStatusCode.Unauthorized, "invalid_api_key");
        await Expect.ErrorAsync(await host.Http.GetAsync(new Uri($"/api/v1/agents/{owner.RelayId}/events", UriKind.Relative)), HttpStatusCode.Unauthorized, "invalid_api_key");
    }

    [Theory, OnEachStore]
    public async Task Garbage_is_refused_with_what_is_allowed(string store)
    {
        await using var host = await RelayHost.StartAsync(store);
        var agent = await host.RegisterAsync();
        foreach (var (query, allowed) in new[]
        {
            ("limit=0", "1 to 100"), ("limit=101", "1 to 100"), ("limit=-1", "1 to 100"), ("limit=x", "1 to 100"), ("limit=", "1 to 100"),
            ("limit=1&limit=2", "1 to 100"), ("limit=99999999999999999999", "1 to 100"),
            ("status=gone", "queued, in_flight, delivered, dead, expired"), ("status=Dead", "queued"), ("status=dead&status=dead", "status"),
            ("cursor=x", "next_cursor"), ("cursor=evt_zz", "next_cursor"), ("cursor=%00", "next_cursor"),
        })
        {
            var error = await Expect.ErrorAsync(await host.GetAsync($"agents/{agent.RelayId}/events?{query}"), HttpStatusCode.BadRequest, "invalid_request");
            Assert.Contains(allowed, error.GetProperty("message").GetString(), StringComparison.Ordinal);
        }

        foreach (var id in new[] { "x", "evt_", "evt_00000000000000000000000000000000", "agt_0000000000000000" })
        {
            await Expect.ErrorAsync(await host.GetAsync($"events/{id}"), HttpStatusCode.NotFound, "unknown_event");
            await Expect.ErrorAsync(await host.GetAsync($"agents/{id}/events"), HttpStatusCode.NotFound, "unknown_relay_id");
        }
    }
}
