using System.Net;
using System.Security.Cryptography;
using System.Text;
using Relay.Protocol;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Agents;

/// <summary>An agent's source, given, changed and taken away after its registration.</summary>
public sealed class SourceChangeTests
{
    private const string Old = "TEST-ONLY-SOURCE-OLD";
    private const string New = "TEST-ONLY-SOURCE-NEW";

    [Theory, OnEachStore]
    public async Task A_secret_is_rotated_without_a_webhook_lost(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync($$"""{"source":{"type":"github","secret":"{{Old}}"} }""");
        await ExpectAsync(relay, agent, (Old, HttpStatusCode.Accepted), (New, HttpStatusCode.Unauthorized));

        var both = await relay.PatchAsync(agent, $$"""{"source":{"type":"github","secrets":["{{Old}}","{{New}}"]} }""");
        Assert.Equal("""{"type":"github","secrets":2}""", both.GetProperty("source").GetRawText());
        await ExpectAsync(relay, agent, (Old, HttpStatusCode.Accepted), (New, HttpStatusCode.Accepted), (null, HttpStatusCode.Unauthorized));

        var one = await relay.PatchAsync(agent, $$"""{"source":{"type":"github","secret":"{{New}}"} }""");
        Assert.Equal("""{"type":"github","secrets":1}""", one.GetProperty("source").GetRawText());
        await ExpectAsync(relay, agent, (Old, HttpStatusCode.Unauthorized), (New, HttpStatusCode.Accepted));
        await relay.RestartAsync();
        await ExpectAsync(relay, agent, (Old, HttpStatusCode.Unauthorized), (New, HttpStatusCode.Accepted));
    }

    [Theory, OnEachStore]
    public async Task A_source_is_added_and_taken_away(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync();
        await ExpectAsync(relay, agent, (null, HttpStatusCode.Accepted));

        await relay.PatchAsync(agent, $$"""{"source":{"type":"github","secret":"{{Old}}"} }""");
        await ExpectAsync(relay, agent, (null, HttpStatusCode.Unauthorized), (Old, HttpStatusCode.Accepted));

        // What a change does not name stays.
        await relay.PatchAsync(agent, """{"name":"n"}""");
        await ExpectAsync(relay, agent, (null, HttpStatusCode.Unauthorized));
        var without = await relay.PatchAsync(agent, """{"source":null}""");
        Assert.False(without.TryGetProperty("source", out _));
        await ExpectAsync(relay, agent, (null, HttpStatusCode.Accepted));
    }

    [Fact]
    public async Task A_change_holds_at_once_on_a_node_that_only_accepts()
    {
        await using var relay = await RelayHost.StartAsync("redis", ownClock: true);
        await using var other = relay.StartAnother();
        var agent = await relay.RegisterAsync();

        // Remembered there for some seconds by the clock, which stands still: only the signal can make it forget.
        await ExpectAsync(other, agent, (null, HttpStatusCode.Accepted));
        await relay.PatchAsync(agent, $$"""{"source":{"type":"github","secret":"{{Old}}"} }""");

        await Eventually.AsyncTrue(async () => await PostAsync(other, agent, secret: null) == HttpStatusCode.Unauthorized);
        await ExpectAsync(other, agent, (Old, HttpStatusCode.Accepted));
    }

    [Theory, OnEachStore]
    public async Task Its_secrets_are_neither_shown_kept_audited_nor_logged_in_clear_text(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync();
        var changed = await relay.PatchAsync(agent, $$"""{"name":"n","source":{"type":"hmac","secrets":["{{Old}}","{{New}}"],"header":"X-Sig"} }""");
        using var list = await relay.AdminAsync(HttpMethod.Get, "/api/v1/agents");
        using var audit = await relay.AdminAsync(HttpMethod.Get, "/api/v1/admin/audit");
        var entries = await audit.Content.ReadAsStringAsync();

        Assert.Contains("name, source", entries, StringComparison.Ordinal);
        var kept = Encoding.Latin1.GetString(await relay.Store.DumpAsync());
        Assert.Contains(agent.RelayId, kept, StringComparison.Ordinal);
        Assert.All(
            [changed.GetRawText(), await list.Content.ReadAsStringAsync(), entries, kept, .. relay.Logs.Texts],
            static text => Assert.DoesNotContain("TEST-ONLY-SOURCE", text, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_faulty_source_is_named_changes_nothing_and_is_not_repeated()
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await relay.RegisterAsync($$"""{"source":{"type":"github","secret":"{{Old}}"} }""");
        foreach (var (source, named) in SourceRegistrationTests.Faults.Select(static row => ((string)row[0], (string)row[1])))
        {
            using var response = await relay.AdminAsync(HttpMethod.Patch, $"/api/v1/agents/{agent.RelayId}", $$"""{"source":{{source}} }""");

            var error = await Expect.ErrorAsync(response, HttpStatusCode.BadRequest, "invalid_request");
            Assert.Contains(named, error.GetProperty("message").GetString(), StringComparison.Ordinal);
            Assert.DoesNotContain("TEST-ONLY", error.GetRawText(), StringComparison.Ordinal);
        }

        await ExpectAsync(relay, agent, (Old, HttpStatusCode.Accepted), (null, HttpStatusCode.Unauthorized));
    }

    private static async Task ExpectAsync(RelayHost relay, RegisterResponse agent, params (string? Secret, HttpStatusCode Status)[] expected)
    {
        foreach (var (secret, status) in expected)
        {
            Assert.Equal(status, await PostAsync(relay, agent, secret));
        }
    }

    private static async Task<HttpStatusCode> PostAsync(RelayHost relay, RegisterResponse agent, string? secret)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/v1/webhook/{agent.RelayId}") { Content = new ByteArrayContent("{}"u8.ToArray()) };
        if (secret is not null)
        {
            request.Headers.Add("X-Hub-Signature-256", "sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), "{}"u8)));
        }

        using var response = await relay.Http.SendAsync(request);
        return response.StatusCode;
    }
}
