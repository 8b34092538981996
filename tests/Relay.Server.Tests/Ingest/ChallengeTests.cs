using System.Net;
using System.Security.Cryptography;
using System.Text;
using Relay.Protocol;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Ingest;

/// <summary>The questions with which providers try an address, through the whole server. Slack's are with the other tests of its source.</summary>
public sealed class ChallengeTests
{
    private const string Secret = "test-only-secret";

    [Theory]
    [InlineData("?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=test-only-token", "1158201444")]
    [InlineData("/a/path?hub.verify_token=test%2Donly%2Dtoken&hub.challenge=%3Cscript%3E&hub.mode=subscribe", "<script>")]
    public async Task Metas_challenge_is_answered_to_who_knows_the_verify_token(string target, string challenge)
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await RegisterAsync(relay, new SourceSettings { Type = "meta", Secret = Secret, VerifyToken = "test-only-token" });

        using var response = await GetAsync(relay, agent, target);

        await AssertPlainAsync(response, challenge);
        await AssertNothingQueuedAsync(relay, agent);
    }

    [Theory]
    [InlineData("?hub.mode=subscribe&hub.challenge=c&hub.verify_token=wrong")]
    [InlineData("?hub.mode=subscribe&hub.challenge=c")]
    [InlineData("?hub.mode=subscribe&hub.challenge=c&hub.verify_token=")]
    [InlineData("?hub.mode=subscribe&hub.challenge=c&hub.verify_token=test-only-secret")]
    [InlineData("?hub.mode=subscribe&hub.verify_token=test-only-token")]
    [InlineData("?hub.mode=subscribe&hub.verify_token=test-only-token&hub.challenge=LONG")]
    public async Task Metas_challenge_is_403_without_the_verify_token_or_a_challenge(string query)
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await RegisterAsync(relay, new SourceSettings { Type = "meta", Secret = Secret, VerifyToken = "test-only-token" });

        using var response = await GetAsync(relay, agent, query.Replace("LONG", new string('x', 1025), StringComparison.Ordinal));

        var error = await Expect.ErrorAsync(response, HttpStatusCode.Forbidden, "invalid_challenge");
        Assert.DoesNotContain("test-only-token", error.GetRawText(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Dropboxs_challenge_is_echoed_and_bounded()
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await RegisterAsync(relay, "dropbox");

        using var answered = await GetAsync(relay, agent, "?challenge=a%20b%26c");
        using var tooLong = await GetAsync(relay, agent, "?challenge=" + new string('x', 1025));
        using var empty = await GetAsync(relay, agent, "?challenge=");

        await AssertPlainAsync(answered, "a b&c");
        await Expect.ErrorAsync(tooLong, HttpStatusCode.Forbidden, "invalid_challenge");
        await Expect.ErrorAsync(empty, HttpStatusCode.Forbidden, "invalid_challenge");
    }

    [Fact]
    public async Task Xs_token_is_signed_unless_it_could_be_a_webhook()
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await RegisterAsync(relay, "twitter", "test_only_twitter");

        // printf %s test-crc_token= | openssl dgst -sha256 -hmac test_only_twitter -binary | base64
        using var answered = await GetAsync(relay, agent, "?crc_token=test-crc_token%3D&nonce=1");
        using var forged = await GetAsync(relay, agent, "?crc_token=%7B%22for_user_id%22%3A%221%22%7D");

        await AssertJsonAsync(answered, """{"response_token":"sha256=iVkhW/ciXzrIqhJ1XC1de\u002B2YO6n46G3KUT/ZdxRdlgU="}""");
        await Expect.ErrorAsync(forged, HttpStatusCode.Forbidden, "invalid_challenge");
    }

    [Fact]
    public async Task Zooms_question_is_answered_with_the_secret_that_signed_it()
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await RegisterAsync(relay, "zoom", "test_only_zoom", "test-only-new-secret");
        var body = """{"payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"},"event_ts":1654503849680,"event":"endpoint.url_validation"}"""u8.ToArray();
        var now = Now;

        using (var forged = await PostAsync(relay, agent, body, ("x-zm-request-timestamp", now), ("x-zm-signature", Zoom("another-secret"))))
        {
            await Expect.ErrorAsync(forged, HttpStatusCode.Unauthorized, "invalid_signature");
        }

        using var answered = await PostAsync(relay, agent, body, ("x-zm-request-timestamp", now), ("x-zm-signature", Zoom("test_only_zoom")));

        // printf %s qgg8vlvZRS6UYooatFL8Aw | openssl dgst -sha256 -hmac test_only_zoom
        await AssertJsonAsync(answered, """{"plainToken":"qgg8vlvZRS6UYooatFL8Aw","encryptedToken":"6f2a4653719713fd6a4f412a33e2a613be9f2f954ecdcda9280296b118b9c2d6"}""");
        await AssertNothingQueuedAsync(relay, agent);

        string Zoom(string secret) => "v0=" + Convert.ToHexStringLower(
            HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), (byte[])[.. Encoding.ASCII.GetBytes($"v0:{now}:"), .. body]));
    }

    [Fact]
    public async Task Discords_ping_is_answered_once_its_signature_was_checked()
    {
        await using var relay = await RelayHost.StartAsync("embedded", ownClock: true);
        var agent = await RegisterAsync(relay, "discord", "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");

        // As in Examples.Discord, over 1767323045{"type":1}: the time at which the test's clock stands.
        const string Signature = "5c1ec26575e6c42be9c32d3a90c0af622c4b2da0e0bc4452fc4f9b9f6f1ca36f202af3824f96350060adb7fd742c6d9fd06e3865ee2aae2a8e31624369f58706";
        using var answered = await PostAsync(relay, agent, """{"type":1}"""u8.ToArray(), ("X-Signature-Timestamp", "1767323045"), ("X-Signature-Ed25519", Signature));
        using var forged = await PostAsync(relay, agent, """{"type":1 }"""u8.ToArray(), ("X-Signature-Timestamp", "1767323045"), ("X-Signature-Ed25519", Signature));

        await AssertJsonAsync(answered, """{"type":1}""");
        await Expect.ErrorAsync(forged, HttpStatusCode.Unauthorized, "invalid_signature");
        await AssertNothingQueuedAsync(relay, agent);
    }

    [Fact]
    public async Task Graphs_token_is_given_back_decoded()
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await RegisterAsync(relay, "graph", "test-only-state");

        using var answered = await PostAsync(relay, agent, [], "?validationToken=Validation%3A+Testing+client%2520%3Cb%3E");
        using var tooLong = await PostAsync(relay, agent, [], "?validationToken=" + new string('x', 1025));
        using var notification = await PostAsync(relay, agent, """{"value":[{"clientState":"test-only-state"}]}"""u8.ToArray());
        using var forged = await PostAsync(relay, agent, """{"value":[{"clientState":"another-state"}]}"""u8.ToArray());

        await AssertPlainAsync(answered, "Validation: Testing client%20<b>");
        await Expect.ErrorAsync(tooLong, HttpStatusCode.Forbidden, "invalid_challenge");
        Assert.Equal(HttpStatusCode.Accepted, notification.StatusCode);
        await Expect.ErrorAsync(forged, HttpStatusCode.Unauthorized, "invalid_signature");
    }

    /// <summary>github.com/cloudevents/spec, http-webhook.md §4.</summary>
    [Theory]
    [InlineData("eventemitter.example.com")]
    [InlineData("https://contoso.example:8443")]
    public async Task Cloud_events_may_be_sent_to_every_agent(string origin)
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        foreach (var agent in new[] { await relay.RegisterAsync(), await RegisterAsync(relay, "github") })
        {
            using var response = await OptionsAsync(relay, agent.RelayId, origin);

            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            Assert.Equal(origin, response.Headers.GetValues("WebHook-Allowed-Origin").Single());
            Assert.Equal("*", response.Headers.GetValues("WebHook-Allowed-Rate").Single());
            Assert.Contains("POST", response.Content.Headers.Allow);
            Assert.Equal(0, response.Content.Headers.ContentLength);
        }
    }

    [Fact]
    public async Task Cloud_events_are_agreed_to_for_active_agents_and_decent_origins_alone()
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await relay.RegisterAsync();
        var gone = await relay.RegisterAsync();
        await relay.DeactivateAsync(gone);

        foreach (var origin in (string[])["a b", new string('x', 256), "a,b", "<script>"])
        {
            using var refused = await OptionsAsync(relay, agent.RelayId, origin);
            await Expect.ErrorAsync(refused, HttpStatusCode.BadRequest, "invalid_request");
            Assert.False(refused.Headers.Contains("WebHook-Allowed-Origin"));
        }

        foreach (var id in (string[])[gone.RelayId, RelayId.New().ToString(), "nonsense"])
        {
            using var unknown = await OptionsAsync(relay, id, "example.com");
            await Expect.ErrorAsync(unknown, HttpStatusCode.NotFound, "unknown_relay_id");
        }

        using var without = await OptionsAsync(relay, agent.RelayId, null);
        await Expect.ErrorAsync(without, HttpStatusCode.MethodNotAllowed, "method_not_allowed");
    }

    [Fact]
    public async Task Any_other_get_is_405_and_says_what_is_allowed()
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        foreach (var agent in new[]
        {
            await relay.RegisterAsync(),
            await RegisterAsync(relay, "github"),
            await RegisterAsync(relay, "graph"),
            await RegisterAsync(relay, "slack"),
            await RegisterAsync(relay, new SourceSettings { Type = "meta", Secret = Secret, VerifyToken = "test-only-token" }),
        })
        {
            foreach (var target in (string[])["", "/a/b", "?challenge=x&crc_token=x&validationToken=x&hub.challenge=x&hub.verify_token=test-only-token"])
            {
                using var response = await GetAsync(relay, agent, target);
                await Expect.ErrorAsync(response, HttpStatusCode.MethodNotAllowed, "method_not_allowed");
                Assert.Equal(["OPTIONS", "PATCH", "POST", "PUT"], response.Content.Headers.Allow.Order());
            }
        }

        using var unknown = await relay.Http.GetAsync(new Uri($"/api/v1/webhook/{RelayId.New()}?challenge=x", UriKind.Relative));
        await Expect.ErrorAsync(unknown, HttpStatusCode.NotFound, "unknown_relay_id");
    }

    private static string Now => TimeProvider.System.GetUtcNow().ToUnixTimeSeconds().ToString(System.Globalization.CultureInfo.InvariantCulture);

    private static Task<RegisterResponse> RegisterAsync(RelayHost relay, string type, params string[] secrets) =>
        RegisterAsync(relay, new SourceSettings { Type = type, Secrets = secrets is [] ? [Secret] : secrets });

    private static Task<RegisterResponse> RegisterAsync(RelayHost relay, SourceSettings source) => relay.RegisterAsync(new RegisterRequest { Source = source });

    private static Task<HttpResponseMessage> GetAsync(RelayHost relay, RegisterResponse agent, string target) =>
        relay.Http.GetAsync(new Uri($"/api/v1/webhook/{agent.RelayId}{target}", UriKind.Relative));

    private static Task<HttpResponseMessage> PostAsync(RelayHost relay, RegisterResponse agent, byte[] body, params (string Name, string Value)[] headers) =>
        PostAsync(relay, agent, body, "", headers);

    private static async Task<HttpResponseMessage> PostAsync(
        RelayHost relay, RegisterResponse agent, byte[] body, string query, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/v1/webhook/{agent.RelayId}{query}") { Content = new ByteArrayContent(body) };
        foreach (var (name, value) in headers)
        {
            request.Headers.Add(name, value);
        }

        return await relay.Http.SendAsync(request);
    }

    private static async Task<HttpResponseMessage> OptionsAsync(RelayHost relay, string relayId, string? origin)
    {
        using var request = new HttpRequestMessage(HttpMethod.Options, $"/api/v1/webhook/{relayId}");
        if (origin is not null)
        {
            request.Headers.TryAddWithoutValidation("WebHook-Request-Origin", origin);
        }

        return await relay.Http.SendAsync(request);
    }

    private static async Task AssertPlainAsync(HttpResponseMessage response, string content)
    {
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("text/plain", response.Content.Headers.ContentType?.MediaType);
        Assert.Equal("nosniff", response.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.Equal(content, await response.Content.ReadAsStringAsync());
    }

    private static async Task AssertJsonAsync(HttpResponseMessage response, string content)
    {
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("application/json", response.Content.Headers.ContentType?.MediaType);
        Assert.Equal("nosniff", response.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.Equal(content, await response.Content.ReadAsStringAsync());
    }

    private static async Task AssertNothingQueuedAsync(RelayHost relay, RegisterResponse agent)
    {
        await using var connected = await relay.ConnectAsync(agent);
        Assert.Equal(0, connected.Welcome.GetProperty("pending").GetInt64());
    }
}
