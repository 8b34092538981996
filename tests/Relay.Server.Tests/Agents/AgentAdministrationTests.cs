using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Relay.Protocol;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Agents;

public sealed class AgentAdministrationTests
{
    [Theory, OnEachStore]
    public async Task An_agent_is_shown_with_what_holds_for_it_and_without_its_secrets(string store)
    {
        await using var relay = await RelayHost.StartAsync(store, settings: ("Relay:Delivery:MaxAttempts", "9"));
        var agent = await relay.RegisterAsync("""{"name":"n","workspace_id":"w","metadata":{"a":[1,"é"]},"delivery":{"ack_timeout_ms":5000}}""");

        var shown = await relay.ShowAsync(agent);

        Assert.Equal(
            ["relay_id", "workspace_id", "name", "metadata", "created_at", "active", "connected", "webhook_url", "delivery"],
            shown.EnumerateObject().Select(static field => field.Name));
        Assert.Equal((agent.RelayId, "w", "n"), (shown.GetProperty("relay_id").GetString(), shown.GetProperty("workspace_id").GetString(), shown.GetProperty("name").GetString()));
        Assert.Equal("é", shown.GetProperty("metadata").GetProperty("a")[1].GetString());
        Assert.Equal((agent.CreatedAt, agent.WebhookUrl), (shown.GetProperty("created_at").GetInt64(), shown.GetProperty("webhook_url").GetString()));
        Assert.True(shown.GetProperty("active").GetBoolean());
        Assert.Equal(
            """{"ack_timeout_ms":5000,"retry_delays_ms":[1000,5000,30000,120000,600000],"max_attempts":9,"retention_seconds":604800,"max_in_flight":64,"max_queued_events":100000,"max_queued_bytes":1073741824,"webhooks_per_minute":6000,"sender_wait_seconds":0,"paused":false,"connections":"exclusive","http":"fallback"}""",
            shown.GetProperty("delivery").GetRawText());
        foreach (var secret in (string[])[agent.ApiKey, agent.SigningSecret, "sk_", "whsec_", "hash", "sealed"])
        {
            Assert.DoesNotContain(secret, shown.GetRawText(), StringComparison.OrdinalIgnoreCase);
        }
    }

    [Theory, OnEachStore]
    public async Task Whether_an_agent_is_connected_is_shown(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync();
        Assert.False((await relay.ShowAsync(agent)).GetProperty("connected").GetBoolean());

        await using (await relay.ConnectAsync(agent))
        {
            Assert.True((await relay.ShowAsync(agent)).GetProperty("connected").GetBoolean());
        }

        await Eventually.AsyncTrue(async () => !(await relay.ShowAsync(agent)).GetProperty("connected").GetBoolean());
    }

    [Theory, OnEachStore]
    public async Task All_agents_are_listed_page_after_page(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        List<string> registered = [];
        for (var i = 0; i < 7; i++)
        {
            registered.Add((await relay.RegisterAsync()).RelayId);
        }

        List<string> listed = [];
        var cursor = "";
        do
        {
            using var response = await relay.AdminAsync(HttpMethod.Get, $"/api/v1/agents?limit=3{cursor}");
            var page = await RelayHost.ReadJsonAsync(response);
            Assert.InRange(page.GetProperty("agents").GetArrayLength(), 1, 3);
            listed.AddRange(page.GetProperty("agents").EnumerateArray().Select(static agent => agent.GetProperty("relay_id").GetString()!));
            cursor = page.GetProperty("next_cursor") is { ValueKind: JsonValueKind.String } next ? $"&cursor={next.GetString()}" : null;
        }
        while (cursor is not null);

        Assert.Equal(registered.Order(StringComparer.Ordinal), listed);
    }

    [Theory, OnEachStore]
    public async Task A_change_touches_what_it_names_and_null_resets(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync("""{"name":"n","workspace_id":"w","metadata":{"a":1},"delivery":{"max_attempts":2,"max_in_flight":3,"retry_delays_ms":[0]}}""");

        var changed = await relay.PatchAsync(agent, """{"name":"other","metadata":{"b":2},"delivery":{"max_attempts":null,"paused":true},"later":1}""");

        Assert.Equal(("other", "w"), (changed.GetProperty("name").GetString(), changed.GetProperty("workspace_id").GetString()));
        Assert.Equal("""{"b":2}""", changed.GetProperty("metadata").GetRawText());
        var delivery = changed.GetProperty("delivery");
        Assert.Equal((6, 3, true), (delivery.GetProperty("max_attempts").GetInt32(), delivery.GetProperty("max_in_flight").GetInt32(), delivery.GetProperty("paused").GetBoolean()));
        Assert.Equal("[0]", delivery.GetProperty("retry_delays_ms").GetRawText());

        var reset = await relay.PatchAsync(agent, """{"name":null,"workspace_id":null,"metadata":null,"delivery":null}""");

        Assert.False(reset.TryGetProperty("name", out _) || reset.TryGetProperty("workspace_id", out _) || reset.TryGetProperty("metadata", out _));
        Assert.Equal((await relay.ShowAsync(await relay.RegisterAsync())).GetProperty("delivery").GetRawText(), reset.GetProperty("delivery").GetRawText());
        Assert.Equal(reset.GetRawText(), (await relay.PatchAsync(agent, "{}")).GetRawText());
    }

    [Theory, OnEachStore]
    public async Task Of_changes_made_at_once_none_is_lost(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync();

        string[] settings = ["ack_timeout_ms", "retention_seconds", "max_attempts", "max_in_flight", "max_queued_events", "max_queued_bytes", "webhooks_per_minute"];
        await Task.WhenAll(settings.Select(setting => relay.PatchAsync(agent, $$$"""{"delivery":{"{{{setting}}}":1000}}""")));

        var delivery = (await relay.ShowAsync(agent)).GetProperty("delivery");
        Assert.All(settings, setting => Assert.Equal(1000, delivery.GetProperty(setting).GetInt64()));
    }

    [Theory, OnEachStore]
    public async Task A_change_survives_a_restart(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync();
        var changed = await relay.PatchAsync(agent, """{"name":"kept","delivery":{"retry_delays_ms":[1,2,3]}}""");

        await relay.RestartAsync();

        var shown = await relay.ShowAsync(agent);
        Assert.Equal("kept", shown.GetProperty("name").GetString());
        Assert.Equal(changed.GetProperty("delivery").GetRawText(), shown.GetProperty("delivery").GetRawText());
    }

    [Theory, OnEachStore]
    public async Task An_agent_sees_itself_and_nothing_else(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var (agent, other) = (await relay.RegisterAsync(), await relay.RegisterAsync());

        using var itself = await SendAsync(relay, HttpMethod.Get, $"/api/v1/agents/{agent.RelayId}", agent.ApiKey);
        Assert.Equal(HttpStatusCode.OK, itself.StatusCode);

        using var another = await SendAsync(relay, HttpMethod.Get, $"/api/v1/agents/{other.RelayId}", agent.ApiKey);
        await Expect.ErrorAsync(another, HttpStatusCode.NotFound, "unknown_relay_id");

        foreach (var (method, path) in ((HttpMethod, string)[])[(HttpMethod.Get, ""), (HttpMethod.Patch, $"/{agent.RelayId}"), (HttpMethod.Delete, $"/{agent.RelayId}")])
        {
            using var response = await SendAsync(relay, method, $"/api/v1/agents{path}", agent.ApiKey);
            await Expect.ErrorAsync(response, HttpStatusCode.Unauthorized, "invalid_admin_key");
        }
    }

    [Theory]
    [InlineData("GET", "", HttpStatusCode.Unauthorized)]
    [InlineData("GET", "/agt_0123456789abcdef", HttpStatusCode.Unauthorized)]
    [InlineData("PATCH", "/agt_0123456789abcdef", HttpStatusCode.Unauthorized)]
    [InlineData("DELETE", "/agt_0123456789abcdef", HttpStatusCode.Unauthorized)]
    [InlineData("PUT", "/agt_0123456789abcdef", HttpStatusCode.MethodNotAllowed)]
    public async Task Without_a_key_there_is_nothing_to_see(string method, string path, HttpStatusCode status)
    {
        await using var relay = await RelayHost.StartAsync("embedded");

        using var response = await SendAsync(relay, new HttpMethod(method), $"/api/v1/agents{path}", apiKey: null);

        Assert.Equal(status, response.StatusCode);
        Assert.NotEmpty((await RelayHost.ReadJsonAsync(response)).GetProperty("message").GetString()!);
    }

    [Theory]
    [OnEachStore("GET")]
    [OnEachStore("PATCH")]
    [OnEachStore("DELETE")]
    public async Task An_unknown_agent_is_not_there(string store, string method)
    {
        await using var relay = await RelayHost.StartAsync(store);

        foreach (var id in (string[])[RelayId.New().Value, "agt_", "x", "%20", "{agt_0123456789abcdef}"])
        {
            using var response = await relay.AdminAsync(new HttpMethod(method), $"/api/v1/agents/{id}", method == "PATCH" ? "{}" : null);
            await Expect.ErrorAsync(response, HttpStatusCode.NotFound, "unknown_relay_id");
        }
    }

    [Theory]
    [InlineData("limit=0")]
    [InlineData("limit=201")]
    [InlineData("limit=-1")]
    [InlineData("limit=99999999999999999999")]
    [InlineData("limit=")]
    [InlineData("limit=1&limit=2")]
    [InlineData("cursor=")]
    [InlineData("cursor=agt_XYZ")]
    [InlineData("cursor=%00%ff")]
    public async Task A_malformed_page_names_its_fault(string query)
    {
        await using var relay = await RelayHost.StartAsync("embedded");

        using var response = await relay.AdminAsync(HttpMethod.Get, $"/api/v1/agents?{query}");

        var error = await Expect.ErrorAsync(response, HttpStatusCode.BadRequest, "invalid_request");
        Assert.Contains(query[..5], error.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "JSON object")]
    [InlineData("[]", "JSON object")]
    [InlineData("null", "JSON object")]
    [InlineData("7", "JSON object")]
    [InlineData("""{"name":7}""", "name")]
    [InlineData("""{"workspace_id":["w"]}""", "workspace_id")]
    [InlineData("""{"metadata":"m"}""", "metadata")]
    [InlineData("""{"source":{"type":"nonsense"}}""", "source")]
    [InlineData("""{"http_endpoint":7}""", "http_endpoint")]
    [InlineData("""{"delivery":{"http":"sometimes"}}""", "delivery.http ")]
    [InlineData("""{"delivery":[]}""", "delivery")]
    [InlineData("""{"delivery":{"ack_timeout":1}}""", "delivery.ack_timeout ")]
    [InlineData("""{"delivery":{"ack_timeout_ms":999}}""", "delivery.ack_timeout_ms")]
    [InlineData("""{"delivery":{"ack_timeout_ms":86400001}}""", "delivery.ack_timeout_ms")]
    [InlineData("""{"delivery":{"ack_timeout_ms":"5000"}}""", "delivery.ack_timeout_ms")]
    [InlineData("""{"delivery":{"retry_delays_ms":[]}}""", "delivery.retry_delays_ms")]
    [InlineData("""{"delivery":{"retry_delays_ms":[-1]}}""", "delivery.retry_delays_ms")]
    [InlineData("""{"delivery":{"retry_delays_ms":[1,null]}}""", "delivery.retry_delays_ms")]
    [InlineData("""{"delivery":{"retry_delays_ms":[604800001]}}""", "delivery.retry_delays_ms")]
    [InlineData("""{"delivery":{"max_attempts":0}}""", "delivery.max_attempts")]
    [InlineData("""{"delivery":{"max_attempts":1001}}""", "delivery.max_attempts")]
    [InlineData("""{"delivery":{"max_attempts":1.5}}""", "delivery.max_attempts")]
    [InlineData("""{"delivery":{"retention_seconds":0}}""", "delivery.retention_seconds")]
    [InlineData("""{"delivery":{"retention_seconds":9223372036854775807}}""", "delivery.retention_seconds")]
    [InlineData("""{"delivery":{"max_in_flight":1025}}""", "delivery.max_in_flight")]
    [InlineData("""{"delivery":{"max_queued_events":0}}""", "delivery.max_queued_events")]
    [InlineData("""{"delivery":{"max_queued_bytes":9223372036854775808}}""", "delivery.max_queued_bytes")]
    [InlineData("""{"delivery":{"paused":1}}""", "delivery.paused")]
    [InlineData("""{"metadata":{"a":"\ud800"}}""", "JSON object")]
    [InlineData("""{"delivery":{"\udfff":1}}""", "JSON object")]
    public async Task A_malformed_change_names_its_fault_here_and_at_the_registration(string body, string named)
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await relay.RegisterAsync();
        var before = await relay.ShowAsync(agent);

        using var change = await relay.AdminAsync(HttpMethod.Patch, $"/api/v1/agents/{agent.RelayId}", body);
        var error = await Expect.ErrorAsync(change, HttpStatusCode.BadRequest, "invalid_request");
        Assert.Contains(named, error.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Equal(before.GetRawText(), (await relay.ShowAsync(agent)).GetRawText());

        if (body.Length > 0)
        {
            using var registration = await relay.AdminAsync(HttpMethod.Post, "/api/v1/register", body);
            await Expect.ErrorAsync(registration, HttpStatusCode.BadRequest, "invalid_request");
        }
    }

    [Fact]
    public async Task A_large_or_deep_change_is_refused()
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await relay.RegisterAsync();

        using var large = await relay.AdminAsync(HttpMethod.Patch, $"/api/v1/agents/{agent.RelayId}", $$"""{"name":"{{new string('x', 100_000)}}"}""");
        await Expect.ErrorAsync(large, HttpStatusCode.RequestEntityTooLarge, "body_too_large");

        using var deep = await relay.AdminAsync(HttpMethod.Patch, $"/api/v1/agents/{agent.RelayId}", $$$"""{"metadata":{"a":{{{new string('[', 40)}}}{{{new string(']', 40)}}} } }""");
        await Expect.ErrorAsync(deep, HttpStatusCode.BadRequest, "invalid_request");
    }

    [Theory, OnEachStore]
    public async Task Odd_metadata_comes_back_from_every_call(string store)
    {
        const string Odd = """{"version":7,"n":[1e999,-0,123456789012345678901234567890],"":null,"\u0000":"\ud83d\ude00\u2028","d":{"d":{"d":[[[]]]}}}""";
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync($$"""{"metadata":{{Odd}} }""");

        var changed = await relay.PatchAsync(agent, """{"name":"n"}""");
        using var list = await relay.AdminAsync(HttpMethod.Get, "/api/v1/agents");

        var listed = (await RelayHost.ReadJsonAsync(list)).GetProperty("agents")[0];
        Assert.True(JsonElement.DeepEquals(JsonElement.Parse(Odd), changed.GetProperty("metadata")));
        Assert.Equal(changed.GetRawText(), listed.GetRawText());
    }

    private static async Task<HttpResponseMessage> SendAsync(RelayHost relay, HttpMethod method, string path, string? apiKey)
    {
        using var request = new HttpRequestMessage(method, path);
        request.Headers.Authorization = apiKey is null ? null : new AuthenticationHeaderValue("Bearer", apiKey);
        return await relay.Http.SendAsync(request);
    }
}
