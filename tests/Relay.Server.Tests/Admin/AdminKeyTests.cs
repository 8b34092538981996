using System.Net;
using System.Text;
using System.Text.Json;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Admin;

public sealed class AdminKeyTests
{
    private const string Agents = "/api/v1/agents";
    private const string Keys = "/api/v1/admin/keys";

    [Theory, OnEachStore]
    public async Task A_key_opens_until_it_is_revoked_and_outlives_a_restart(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var (id, key) = await relay.MakeKeyAsync("viewer");
        await relay.RestartAsync();

        Assert.Equal(HttpStatusCode.OK, await relay.StatusAsync(key));
        await relay.RevokeKeyAsync(id);

        using var refused = await relay.WithKeyAsync(key, HttpMethod.Get, Agents);
        await Expect.ErrorAsync(refused, HttpStatusCode.Unauthorized, "invalid_admin_key");
        using var unknown = await relay.AdminAsync(HttpMethod.Delete, $"{Keys}/{id}");
        await Expect.ErrorAsync(unknown, HttpStatusCode.NotFound, "not_found");
    }

    [Theory, OnEachStore]
    public async Task A_key_ends_when_it_expires(string store)
    {
        await using var relay = await RelayHost.StartAsync(store, ownClock: true);
        var (_, key) = await relay.MakeKeyAsync("viewer", relay.Clock!.GetUtcNow().AddSeconds(10).ToUnixTimeMilliseconds());
        Assert.Equal(HttpStatusCode.OK, await relay.StatusAsync(key));

        relay.Clock.Advance(TimeSpan.FromSeconds(10));

        Assert.Equal(HttpStatusCode.Unauthorized, await relay.StatusAsync(key));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_key_that_another_node_revoked_ends_here_within_seconds(bool clockGoesBack)
    {
        await using var relay = await RelayHost.StartAsync("redis", ownClock: true);
        await using var peer = relay.StartAnother();
        var (id, key) = await relay.MakeKeyAsync("viewer");
        Assert.Equal(HttpStatusCode.OK, await peer.StatusAsync(key));

        await relay.RevokeKeyAsync(id);
        if (clockGoesBack)
        {
            relay.Clock!.SetBack(TimeSpan.FromHours(1));
        }

        relay.Clock!.Advance(TimeSpan.FromSeconds(5));

        Assert.Equal(HttpStatusCode.Unauthorized, await peer.StatusAsync(key));
    }

    [Theory, OnEachStore]
    public async Task Keys_are_listed_without_themselves_and_kept_as_hashes(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var (first, key) = await relay.MakeKeyAsync("viewer");
        var (second, other) = await relay.MakeKeyAsync("admin", 4_102_444_800_000);

        using var response = await relay.AdminAsync(HttpMethod.Get, Keys);

        var list = await RelayHost.ReadJsonAsync(response);
        Assert.Equal(JsonValueKind.Null, list.GetProperty("next_cursor").ValueKind);
        var listed = list.GetProperty("keys").EnumerateArray().ToDictionary(static one => one.GetProperty("id").GetString()!);
        Assert.Equal(2, listed.Count);
        Assert.Equal(["id", "name", "role", "created_at"], listed[first].EnumerateObject().Select(static field => field.Name));
        Assert.Equal(("the admin", "admin", 4_102_444_800_000), (listed[second].GetProperty("name").GetString(), listed[second].GetProperty("role").GetString(), listed[second].GetProperty("expires_at").GetInt64()));
        var kept = Encoding.Latin1.GetString(await relay.Store.DumpAsync());
        Assert.All((string[])[key, other], secret =>
        {
            Assert.DoesNotContain(secret, kept, StringComparison.Ordinal);
            Assert.All(relay.Logs.Texts, text => Assert.DoesNotContain(secret, text, StringComparison.Ordinal));
        });
    }

    [Theory]
    [InlineData("GET", "/api/v1/agents", null, "viewer")]
    [InlineData("GET", "/api/v1/agents/{agent}", null, "viewer")]
    [InlineData("GET", "/api/v1/agents/{agent}/events", null, "viewer")]
    [InlineData("GET", "/api/v1/agents/{agent}/logs", null, "viewer")]
    [InlineData("GET", "/api/v1/events/{event}", null, "viewer")]
    [InlineData("GET", "/api/v1/replays/rpl_1", null, "viewer")]
    [InlineData("POST", "/api/v1/register", "{}", "operator")]
    [InlineData("PATCH", "/api/v1/agents/{agent}", "{}", "operator")]
    [InlineData("POST", "/api/v1/agents/{agent}/probe", null, "operator")]
    [InlineData("POST", "/api/v1/agents/{agent}/replay", "{}", "operator")]
    [InlineData("POST", "/api/v1/events/{event}/replay", null, "operator")]
    [InlineData("POST", "/api/v1/rotate", """{"relay_id":"{agent}"}""", "operator")]
    [InlineData("POST", "/api/v1/rotate", """{"old_relay_id":"{agent}"}""", "admin")]
    [InlineData("DELETE", "/api/v1/agents/{agent}", null, "admin")]
    [InlineData("GET", "/api/v1/admin/audit", null, "admin")]
    [InlineData("POST", "/api/v1/admin/reencrypt", null, "admin")]
    [InlineData("GET", "/api/v1/admin/keys", null, "admin")]
    [InlineData("POST", "/api/v1/admin/keys", "{}", "admin")]
    [InlineData("DELETE", "/api/v1/admin/keys/key_1", null, "admin")]
    public async Task A_call_is_for_its_role_and_those_above(string method, string path, string? body, string least)
    {
        string[] roles = ["viewer", "operator", "admin"];
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await relay.RegisterAsync();
        var id = await relay.QueueAsync(agent);
        path = path.Replace("{agent}", agent.RelayId, StringComparison.Ordinal).Replace("{event}", id, StringComparison.Ordinal);
        body = body?.Replace("{agent}", agent.RelayId, StringComparison.Ordinal);

        foreach (var role in roles)
        {
            var (_, key) = await relay.MakeKeyAsync(role);
            using var response = await relay.WithKeyAsync(key, new HttpMethod(method), path, body);
            if (Array.IndexOf(roles, role) >= Array.IndexOf(roles, least))
            {
                Assert.NotEqual(HttpStatusCode.Forbidden, response.StatusCode);
                Assert.NotEqual(HttpStatusCode.Unauthorized, response.StatusCode);
            }
            else
            {
                var error = await Expect.ErrorAsync(response, HttpStatusCode.Forbidden, "forbidden");

                // A rotation says first that it is not for viewers at all.
                var named = least == "admin" && role == "viewer" && path.EndsWith("/rotate", StringComparison.Ordinal) ? "operator" : least;
                Assert.Contains($"needs the role {named}", error.GetProperty("message").GetString(), StringComparison.Ordinal);
            }
        }
    }

    [Theory, OnEachStore]
    public async Task A_feed_that_a_key_opened_ends_with_the_key(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var (id, key) = await relay.MakeKeyAsync("viewer");
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/feed");
        request.Headers.Add("X-Admin-Key", key);
        using var feed = await relay.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(HttpStatusCode.OK, feed.StatusCode);

        await relay.RevokeKeyAsync(id);

        await feed.Content.ReadAsStringAsync().WaitAsync(RelayHost.Patience);
    }

    [Fact]
    public async Task A_key_that_expires_makes_none_that_outlives_it()
    {
        const long End = 4_102_444_800_000;
        await using var relay = await RelayHost.StartAsync("embedded");
        var (_, key) = await relay.MakeKeyAsync("admin", End);

        Assert.Equal(HttpStatusCode.BadRequest, await relay.StatusAsync(key, HttpMethod.Post, Keys, """{"name":"n","role":"admin"}"""));
        Assert.Equal(HttpStatusCode.BadRequest, await relay.StatusAsync(key, HttpMethod.Post, Keys, $$"""{"name":"n","role":"viewer","expires_at":{{End + 1}}}"""));
        Assert.Equal(HttpStatusCode.Created, await relay.StatusAsync(key, HttpMethod.Post, Keys, $$"""{"name":"n","role":"admin","expires_at":{{End}}}"""));
    }

    [Theory]
    [InlineData("", "role")]
    [InlineData("{}", "role")]
    [InlineData("""{"name":"n","role":"root"}""", "viewer, operator or admin")]
    [InlineData("""{"name":"n","role":2}""", "role")]
    [InlineData("""{"role":"viewer"}""", "name")]
    [InlineData("""{"name":" ","role":"viewer"}""", "name")]
    [InlineData("""{"name":"a\nb","role":"viewer"}""", "name")]
    [InlineData("""{"name":"n","role":"viewer","expires_at":1}""", "expires_at")]
    [InlineData("""{"name":"n","role":"viewer","expires_at":"tomorrow"}""", "expires_at")]
    public async Task A_malformed_key_names_its_fault(string body, string named)
    {
        await using var relay = await RelayHost.StartAsync("embedded");

        using var response = await relay.AdminAsync(HttpMethod.Post, Keys, body);

        var error = await Expect.ErrorAsync(response, HttpStatusCode.BadRequest, "invalid_request");
        Assert.Contains(named, error.GetProperty("message").GetString(), StringComparison.Ordinal);
    }
}
