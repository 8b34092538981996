using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using Relay.Protocol;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Ingest;

/// <summary>Agents with a source, through the whole server.</summary>
public sealed class SourceTests
{
    private const string Secret = "test-only-secret";

    [Theory, OnEachStore]
    public async Task What_the_source_signed_is_delivered_as_verified_with_its_exact_bytes(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await RegisterAsync(relay, "github", Secret);
        await using var connected = await relay.ConnectAsync(agent);
        var body = """{ "action" : "opened", "é":"\/" }"""u8.ToArray();

        using var response = await SendAsync(relay, agent, body, ("X-Hub-Signature-256", GitHub(Secret, body)));

        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        var webhook = await connected.ReceiveWebhookAsync();
        Assert.Equal(new SourceInfo { Type = "github", Verified = true }, webhook.Source);
        Assert.Equal(body, webhook.ExactBody.ToArray());
        Assert.Equal(GitHub(Secret, body), webhook.Headers["x-hub-signature-256"]);
    }

    [Theory, OnEachStore]
    public async Task What_the_source_did_not_sign_is_401_and_leaves_nothing(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await RegisterAsync(relay, "github", Secret);
        var body = "{}"u8.ToArray();

        foreach (var signature in (string?[])[null, "", "sha256=", "nonsense", GitHub("another-secret", body), GitHub(Secret, "{ }"u8)])
        {
            using var refused = await SendAsync(relay, agent, body, ("X-Hub-Signature-256", signature), ("X-GitHub-Delivery", "d1"));
            await Expect.ErrorAsync(refused, HttpStatusCode.Unauthorized, "invalid_signature");
        }

        // Neither an event nor the idempotency key was kept.
        using var accepted = await SendAsync(relay, agent, body, ("X-Hub-Signature-256", GitHub(Secret, body)), ("X-GitHub-Delivery", "d1"));
        Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);
        await using var connected = await relay.ConnectAsync(agent);
        Assert.Equal(1, connected.Welcome.GetProperty("pending").GetInt64());
    }

    [Fact]
    public async Task Both_secrets_of_a_rotation_are_taken()
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await RegisterAsync(relay, "github", Secret, "test-only-new-secret");

        foreach (var (secret, status) in new[] { (Secret, HttpStatusCode.Accepted), ("test-only-new-secret", HttpStatusCode.Accepted), ("test-only-third", HttpStatusCode.Unauthorized) })
        {
            using var response = await SendAsync(relay, agent, "{}"u8.ToArray(), ("X-Hub-Signature-256", GitHub(secret, "{}"u8)));
            Assert.Equal(status, response.StatusCode);
        }
    }

    [Fact]
    public async Task A_signed_time_is_held_against_the_servers_clock()
    {
        await using var relay = await RelayHost.StartAsync("embedded", ownClock: true);
        var agent = await RegisterAsync(relay, "stripe", Secret);
        var header = Stripe(relay.Clock!.GetUtcNow(), "{}"u8);

        using var inTime = await SendAsync(relay, agent, "{}"u8.ToArray(), ("Stripe-Signature", header));
        relay.Clock.Advance(TimeSpan.FromMinutes(5) + TimeSpan.FromSeconds(1));
        using var late = await SendAsync(relay, agent, "{}"u8.ToArray(), ("Stripe-Signature", header));
        using var early = await SendAsync(relay, agent, "{}"u8.ToArray(), ("Stripe-Signature", Stripe(relay.Clock.GetUtcNow() + TimeSpan.FromSeconds(62), "{}"u8)));

        Assert.Equal(HttpStatusCode.Accepted, inTime.StatusCode);
        await Expect.ErrorAsync(late, HttpStatusCode.Unauthorized, "invalid_signature");
        await Expect.ErrorAsync(early, HttpStatusCode.Unauthorized, "invalid_signature");
    }

    [Theory, OnEachStore]
    public async Task Slacks_challenge_is_answered_once_it_is_known_to_be_slacks_and_is_not_queued(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await RegisterAsync(relay, "slack", Secret);
        var body = """{"token":"t","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P","type":"url_verification"}"""u8.ToArray();
        var now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();

        using (var forged = await SendAsync(relay, agent, body, ("X-Slack-Request-Timestamp", $"{now}"), ("X-Slack-Signature", Slack("another-secret", now, body))))
        {
            var error = await Expect.ErrorAsync(forged, HttpStatusCode.Unauthorized, "invalid_signature");
            Assert.DoesNotContain("3eZbrw", error.GetRawText(), StringComparison.Ordinal);
        }

        using var answered = await SendAsync(relay, agent, body, ("X-Slack-Request-Timestamp", $"{now}"), ("X-Slack-Signature", Slack(Secret, now, body)));

        Assert.Equal(HttpStatusCode.OK, answered.StatusCode);
        Assert.Equal("text/plain", answered.Content.Headers.ContentType?.MediaType);
        Assert.Equal("nosniff", answered.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.Equal("3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P", await answered.Content.ReadAsStringAsync());
        await using var connected = await relay.ConnectAsync(agent);
        Assert.Equal(0, connected.Welcome.GetProperty("pending").GetInt64());
    }

    [Fact]
    public async Task A_challenge_of_unusual_length_is_an_event_like_any_other()
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await RegisterAsync(relay, "slack", Secret);
        var body = Encoding.UTF8.GetBytes($$"""{"type":"url_verification","challenge":"{{new string('x', 2000)}}"}""");
        var now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();

        using var response = await SendAsync(relay, agent, body, ("X-Slack-Request-Timestamp", $"{now}"), ("X-Slack-Signature", Slack(Secret, now, body)));

        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
    }

    [Theory, OnEachStore]
    public async Task A_repeated_event_id_of_powerlobster_is_a_duplicate_and_of_others_is_not(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var lobster = await RegisterAsync(relay, "powerlobster", Secret);
        var gitHub = await RegisterAsync(relay, "github", Secret);
        var body = """{"event_id":"pl_1"}"""u8.ToArray();
        var now = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();

        foreach (var (status, nth) in new[] { ("queued", now), ("duplicate", now + 1) })
        {
            var signature = "sha256=" + Hex(Secret, [.. Encoding.ASCII.GetBytes($"{nth}."), .. body]);
            using var response = await SendAsync(relay, lobster, body, ("X-PowerLobster-Timestamp", $"{nth}"), ("X-PowerLobster-Signature", signature));
            Assert.Equal(status, (await RelayHost.ReadJsonAsync(response)).GetProperty("status").GetString());

            using var other = await SendAsync(relay, gitHub, body, ("X-Hub-Signature-256", GitHub(Secret, body)));
            Assert.Equal(HttpStatusCode.Accepted, other.StatusCode);
        }
    }

    [Fact]
    public async Task Twilio_signs_the_public_address_with_the_path_and_query_as_they_came()
    {
        await using var relay = await RelayHost.StartAsync("embedded", settings: ("Relay:PublicUrl", "https://relay.example.com"));
        var agent = await RegisterAsync(relay, "twilio", Secret);
        await using var connected = await relay.ConnectAsync(agent);
        const string Target = "/sms/?to=%2B1%20x&a=b'c";
        var signature = Convert.ToBase64String(CryptographicOperations.HmacData(HashAlgorithmName.SHA1, Encoding.UTF8.GetBytes(Secret), Encoding.UTF8.GetBytes(agent.WebhookUrl + Target + "BodyhiFrom+1")));

        foreach (var (target, status) in new[] { (Target, HttpStatusCode.Accepted), (Target + "&x", HttpStatusCode.Unauthorized) })
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/v1/webhook/{agent.RelayId}{target}")
            {
                Content = new StringContent("From=%2B1&Body=hi", new MediaTypeHeaderValue("application/x-www-form-urlencoded")),
            };
            request.Headers.Add("X-Twilio-Signature", signature);
            using var response = await relay.Http.SendAsync(request);
            Assert.Equal(status, response.StatusCode);
        }

        Assert.Equal("to=%2B1%20x&a=b'c", (await connected.ReceiveWebhookAsync()).Query);
    }

    [Fact]
    public async Task An_agent_without_a_source_gets_what_anybody_sends_and_no_source()
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);

        using var response = await SendAsync(relay, agent, "{}"u8.ToArray(), ("X-Hub-Signature-256", "sha256=00"));

        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        Assert.Null((await connected.ReceiveWebhookAsync()).Source);
    }

    private static Task<RegisterResponse> RegisterAsync(RelayHost relay, string type, params string[] secrets) =>
        relay.RegisterAsync(new RegisterRequest { Source = new SourceSettings { Type = type, Secrets = secrets } });

    private static async Task<HttpResponseMessage> SendAsync(RelayHost relay, RegisterResponse agent, byte[] body, params (string Name, string? Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/v1/webhook/{agent.RelayId}") { Content = new ByteArrayContent(body) };
        foreach (var (name, value) in headers)
        {
            if (value is not null)
            {
                request.Headers.TryAddWithoutValidation(name, value);
            }
        }

        return await relay.Http.SendAsync(request);
    }

    private static string GitHub(string secret, ReadOnlySpan<byte> body) => "sha256=" + Hex(secret, body);

    private static string Stripe(DateTimeOffset at, ReadOnlySpan<byte> body) =>
        $"t={at.ToUnixTimeSeconds()},v1={Hex(Secret, [.. Encoding.ASCII.GetBytes($"{at.ToUnixTimeSeconds()}."), .. body])}";

    private static string Slack(string secret, long at, ReadOnlySpan<byte> body) => "v0=" + Hex(secret, [.. Encoding.ASCII.GetBytes($"v0:{at}:"), .. body]);

    private static string Hex(string secret, ReadOnlySpan<byte> content) => Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), content));
}
