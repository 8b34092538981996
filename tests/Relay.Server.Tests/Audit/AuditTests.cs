using System.Net;
using System.Text.Json;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Audit;

public sealed class AuditTests
{
    [Theory, OnEachStore]
    public async Task Who_did_what_on_whom_is_entered(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync();
        var (id, key) = await relay.MakeKeyAsync("operator");
        Assert.Equal(HttpStatusCode.OK, await relay.StatusAsync(key, HttpMethod.Patch, $"/api/v1/agents/{agent.RelayId}", """{"name":"n","delivery":{"paused":true,"max_attempts":3}}"""));
        Assert.Equal(HttpStatusCode.NotFound, await relay.StatusAsync(key, HttpMethod.Post, "/api/v1/events/evt_0/replay"));
        var rotated = await relay.RotateAsync(agent, graceSeconds: 5);
        await relay.RevokeKeyAsync(id);
        await relay.DeactivateAsync(agent);
        await relay.RestartAsync();

        var entries = await ReadAsync(relay);

        Assert.Equal(
            [
                ("agent.deactivate", "config", agent.RelayId, null, "ok"),
                ("admin_key.revoke", "config", id, null, "ok"),
                ("agent.rotate", agent.RelayId, agent.RelayId, "grace_seconds 5", "ok"),
                ("event.replay", id, "evt_0", null, "unknown_event"),
                ("agent.change", id, agent.RelayId, "name, delivery.paused, delivery.max_attempts", "ok"),
                ("admin_key.make", "config", id, "operator, the operator", "ok"),
                ("agent.register", "config", agent.RelayId, null, "ok"),
            ],
            entries.Select(entry => (Text(entry, "act")!, Text(entry, "actor")!, Text(entry, "target")!, Text(entry, "detail"), Text(entry, "outcome")!)));
        Assert.All(entries, entry =>
        {
            Assert.True(IPAddress.IsLoopback(IPAddress.Parse(Text(entry, "address")!)));
            Assert.True(entry.GetProperty("at").GetInt64() > 0);
            Assert.All((string[])[agent.ApiKey, rotated.ApiKey, key, RelayHost.AdminKey], secret => Assert.DoesNotContain(secret, entry.GetRawText(), StringComparison.Ordinal));
        });
        Assert.Equal("the operator", Text(entries[4], "actor_name"));
    }

    [Theory, OnEachStore]
    public async Task Refused_attempts_are_entered_and_many_do_not_wash_out_the_rest(string store)
    {
        // What is slowed is not looked at, and so not entered.
        await using var relay = await RelayHost.StartAsync(store, ownClock: true, ("Relay:RateLimit:FailedAuthenticationsPerMinute", "0"));
        var agent = await relay.RegisterAsync();
        var (id, key) = await relay.MakeKeyAsync("viewer");
        Assert.Equal(HttpStatusCode.Forbidden, await relay.StatusAsync(key, HttpMethod.Delete, $"/api/v1/agents/{agent.RelayId}"));
        for (var i = 0; i < 14; i++)
        {
            Assert.Equal(HttpStatusCode.Unauthorized, await relay.StatusAsync($"wrong-key-{i}"));
        }

        relay.Clock!.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(HttpStatusCode.Unauthorized, await relay.StatusAsync("wrong-key"));

        var refused = (await ReadAsync(relay)).Where(static entry => Text(entry, "act") == "admin.refused").ToList();
        Assert.Equal(11, refused.Count);
        Assert.Equal(("invalid_admin_key", "GET /api/v1/agents", 5), (Text(refused[0], "outcome"), Text(refused[0], "detail"), refused[0].GetProperty("omitted").GetInt32()));
        Assert.Equal(("forbidden", id, agent.RelayId), (Text(refused[^1], "outcome"), Text(refused[^1], "actor"), Text(refused[^1], "target")));
        Assert.All(refused, entry => Assert.DoesNotContain("wrong-key", entry.GetRawText(), StringComparison.Ordinal));
    }

    [Theory, OnEachStore]
    public async Task What_agents_do_with_their_events_and_what_is_only_read_is_not_entered(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync();
        using var replay = await relay.BearerAsync(HttpMethod.Post, $"/api/v1/agents/{agent.RelayId}/replay", agent.ApiKey, """{"status":"dead"}""");
        Assert.Equal(HttpStatusCode.Accepted, replay.StatusCode);
        await relay.ShowAsync(agent);

        Assert.Equal("agent.register", Text(Assert.Single(await ReadAsync(relay)), "act"));
    }

    [Theory]
    [InlineData("limit=0")]
    [InlineData("limit=501")]
    [InlineData("cursor=x")]
    [InlineData("cursor=1&cursor=2")]
    public async Task A_page_that_cannot_be_is_refused(string query)
    {
        await using var relay = await RelayHost.StartAsync("embedded");

        using var response = await relay.AdminAsync(HttpMethod.Get, $"/api/v1/admin/audit?{query}");

        await Expect.ErrorAsync(response, HttpStatusCode.BadRequest, "invalid_request");
    }

    /// <summary>All, in pages of three.</summary>
    private static async Task<List<JsonElement>> ReadAsync(RelayHost relay)
    {
        List<JsonElement> entries = [];
        var cursor = "";
        do
        {
            using var response = await relay.AdminAsync(HttpMethod.Get, $"/api/v1/admin/audit?limit=3{cursor}");
            var page = await RelayHost.ReadJsonAsync(response);
            entries.AddRange(page.GetProperty("entries").EnumerateArray());
            cursor = page.GetProperty("next_cursor").GetString() is { } next ? $"&cursor={next}" : null;
        }
        while (cursor is not null);

        return entries;
    }

    private static string? Text(JsonElement entry, string field) => entry.TryGetProperty(field, out var value) ? value.GetString() : null;
}
