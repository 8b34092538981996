using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Agents;

public sealed class RegistrationTests
{
    [Theory, OnEachStore]
    public async Task A_registration_answers_an_identity_of_the_documented_forms(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);

        var agent = await relay.RegisterAsync();

        Assert.Matches("^agt_[0-9a-f]{16,}$", agent.RelayId);
        Assert.Matches("^sk_[A-Za-z0-9_-]{43}_[0-9a-f]{32}$", agent.ApiKey);
        Assert.Matches("^whsec_[A-Za-z0-9+/]{43}=$", agent.SigningSecret);
        Assert.Equal($"{relay.Http.BaseAddress!.GetLeftPart(UriPartial.Authority)}/api/v1/webhook/{agent.RelayId}", agent.WebhookUrl);
        Assert.True(agent.CreatedAt > 1_700_000_000_000);
    }

    [Theory, OnEachStore]
    public async Task The_public_url_begins_webhook_urls_when_it_is_configured(string store)
    {
        await using var relay = await RelayHost.StartAsync(store, settings: ("Relay:PublicUrl", "https://relay.example.com/"));

        Assert.StartsWith("https://relay.example.com/api/v1/webhook/agt_", (await relay.RegisterAsync()).WebhookUrl, StringComparison.Ordinal);
    }

    [Theory]
    [OnEachStore(null!)]
    [OnEachStore("")]
    [OnEachStore("wrong-admin-key-0123456789")]
    public async Task Without_the_admin_key_nothing_is_registered(string store, string? key)
    {
        await using var relay = await RelayHost.StartAsync(store);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/register");
        if (key is not null)
        {
            request.Headers.TryAddWithoutValidation("X-Admin-Key", key);
        }

        using var response = await relay.Http.SendAsync(request);

        await Expect.ErrorAsync(response, HttpStatusCode.Unauthorized, "invalid_admin_key");
    }

    [Theory]
    [InlineData("{", "not a valid JSON object")]
    [InlineData("[]", "not a valid JSON object")]
    [InlineData("null", "JSON object")]
    [InlineData("""{"name":7}""", "$.name")]
    [InlineData("""{"metadata":[1]}""", "metadata")]
    [InlineData("""{"metadata":{"a":"\ud800"}}""", "not a valid JSON object")]
    [InlineData("""{"metadata":{"\udc00":1}}""", "not a valid JSON object")]
    [InlineData("{\"metadata\":{\"a\":\"\u00ff\"}}", "not a valid JSON object", true)]
    [InlineData("""{"name":"\ud800"}""", "not a valid JSON object")]
    [InlineData("""{"http_endpoint":7}""", "http_endpoint")]
    public async Task A_malformed_registration_names_its_fault(string body, string named, bool inLatin1 = false)
    {
        await using var relay = await RelayHost.StartAsync("embedded");

        using var response = await RegisterAsync(relay, body, inLatin1 ? Encoding.Latin1 : Encoding.UTF8);

        var error = await Expect.ErrorAsync(response, HttpStatusCode.BadRequest, "invalid_request");
        Assert.Contains(named, error.GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_long_label_or_a_large_body_is_refused()
    {
        await using var relay = await RelayHost.StartAsync("embedded");

        using var label = await RegisterAsync(relay, $$"""{"name":"{{new string('x', 201)}}"}""");
        await Expect.ErrorAsync(label, HttpStatusCode.BadRequest, "invalid_request");

        using var large = await RegisterAsync(relay, $"[\"{new string('x', 100_000)}\"]");
        await Expect.ErrorAsync(large, HttpStatusCode.RequestEntityTooLarge, "body_too_large");
    }

    [Theory, OnEachStore]
    public async Task Labels_and_metadata_are_taken_and_unknown_fields_ignored(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);

        using var response = await RegisterAsync(relay, """{"workspace_id":"w","name":"n","metadata":{"a":[1,"é"]},"http_endpoint":null,"later":true}""");

        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.Equal("no-store", response.Headers.CacheControl?.ToString());
    }

    [Theory, OnEachStore]
    public async Task An_identity_survives_a_restart(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync();

        await relay.RestartAsync();

        await using var connected = await relay.ConnectAsync(agent);
        Assert.Equal(agent.RelayId, connected.Welcome.GetProperty("relay_id").GetString());
    }

    [Theory, OnEachStore]
    public async Task No_secret_is_kept_or_logged_in_clear_text(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync();
        await using (var connected = await relay.ConnectAsync(agent))
        {
            await relay.QueueAsync(agent);
            await connected.ReceiveWebhookAsync();
        }

        var kept = Encoding.Latin1.GetString(await relay.Store.DumpAsync());
        Assert.Contains(agent.RelayId, kept, StringComparison.Ordinal);
        foreach (var secret in (string[])[agent.ApiKey, agent.SigningSecret, agent.SigningSecret["whsec_".Length..]])
        {
            Assert.DoesNotContain(secret, kept, StringComparison.Ordinal);
            Assert.DoesNotContain(relay.Logs.Texts, text => text.Contains(secret, StringComparison.Ordinal));
        }
    }

    private static async Task<HttpResponseMessage> RegisterAsync(RelayHost relay, string body, Encoding? encoding = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/register")
        {
            Content = new ByteArrayContent((encoding ?? Encoding.UTF8).GetBytes(body)) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } },
        };
        request.Headers.Add("X-Admin-Key", RelayHost.AdminKey);
        return await relay.Http.SendAsync(request);
    }
}
