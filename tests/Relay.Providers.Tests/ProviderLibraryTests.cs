using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Relay.Protocol;
using Relay.Server.Ingest.Sources;
using Relay.Server.Tests.Support;

namespace Relay.Providers.Tests;

/// <summary>What the providers' libraries sign passes the relay, and what the relay delivers passes the providers' libraries.</summary>
public sealed class ProviderLibraryTests(ProviderLibraries libraries) : IClassFixture<ProviderLibraries>
{
    private const string Standard = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    /// <summary>JSON whose bytes do not survive being parsed and printed again.</summary>
    private static readonly byte[] Body = Encoding.UTF8.GetBytes("""{ "id" : "evt_1", "object":"event", "data":{"é":"\/ ☃", "n":1.0, "n":1e2} }""" + "\n");

    public static TheoryData<string, string> Providers => new()
    {
        { "stripe", "whsec_test_only" },
        { "github", "It's a Secret to Everybody" },
        { "standard", Standard },
    };

    [Theory, MemberData(nameof(Providers))]
    public async Task What_the_library_signs_is_accepted_and_what_is_delivered_of_it_the_library_verifies(string provider, string secret)
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await RegisterAsync(relay, provider, secret);
        await using var connected = await relay.ConnectAsync(agent);
        var headers = await libraries.SignAsync(provider, Body, secret);

        Assert.Equal(HttpStatusCode.Accepted, await PostAsync(relay, agent, Body, headers));

        var webhook = await connected.ReceiveWebhookAsync();
        Assert.Equal(new SourceInfo { Type = provider, Verified = true }, webhook.Source);
        Assert.True(await libraries.VerifyAsync(provider, webhook.ExactBody.ToArray(), secret, webhook.Headers));
        Assert.False(await libraries.VerifyAsync(provider, [.. webhook.ExactBody.ToArray(), (byte)' '], secret, webhook.Headers));
    }

    [Theory, MemberData(nameof(Providers))]
    public async Task What_the_library_signs_with_another_secret_or_over_other_bytes_is_refused(string provider, string secret)
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await RegisterAsync(relay, provider, secret);

        var foreign = await libraries.SignAsync(provider, Body, "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX");
        var right = await libraries.SignAsync(provider, Body, secret);

        Assert.Equal(HttpStatusCode.Unauthorized, await PostAsync(relay, agent, Body, foreign));
        Assert.Equal(HttpStatusCode.Unauthorized, await PostAsync(relay, agent, Body[..^1], right));
    }

    [Theory]
    [InlineData("""{"a":1}""")]
    [InlineData("""{ "a" : "é\/" }""")]
    [InlineData("\"a string of JSON: é\"\n")]
    public async Task The_relays_own_signature_is_one_of_standard_webhooks(string body)
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);
        await relay.QueueAsync(agent, Encoding.UTF8.GetBytes(body), "text/plain");

        var webhook = await connected.ReceiveWebhookAsync();

        Dictionary<string, string> headers = new()
        {
            ["webhook-id"] = webhook.Id,
            ["webhook-timestamp"] = (webhook.Timestamp / 1000).ToString(CultureInfo.InvariantCulture),
            ["webhook-signature"] = webhook.StandardSignature!,
        };
        var bytes = webhook.ExactBody.ToArray();
        Assert.Equal(body, Encoding.UTF8.GetString(bytes));
        Assert.True(await libraries.VerifyAsync("standard", bytes, agent.SigningSecret, headers));
        Assert.False(await libraries.VerifyAsync("standard", bytes, Standard, headers));
    }

    [Fact]
    public async Task Ed25519_is_the_one_of_openssl()
    {
        var answer = await libraries.CallAsync(new JsonObject { ["call"] = "ed25519.cases", ["count"] = 300 });
        var verdicts = answer.GetProperty("cases").EnumerateArray().Select(static one =>
        {
            byte[] Bytes(string name) => Convert.FromHexString(one.GetProperty(name).GetString()!);
            Assert.True(Ed25519Key.TryRead(Bytes("key"), out var key));
            return (Theirs: one.GetProperty("verified").GetBoolean(), Ours: key.Verify(Bytes("signature"), [], Bytes("message")));
        }).ToList();

        Assert.All(verdicts, static verdict => Assert.Equal(verdict.Theirs, verdict.Ours));
        Assert.Equal([false, true], verdicts.Select(static verdict => verdict.Theirs).Distinct().Order());
    }

    private static Task<RegisterResponse> RegisterAsync(RelayHost relay, string type, string secret) =>
        relay.RegisterAsync(new RegisterRequest { Source = new SourceSettings { Type = type, Secret = secret } });

    private static async Task<HttpStatusCode> PostAsync(RelayHost relay, RegisterResponse agent, byte[] body, Dictionary<string, string> headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/v1/webhook/{agent.RelayId}") { Content = new ByteArrayContent(body) };
        foreach (var (name, value) in headers)
        {
            request.Headers.Add(name, value);
        }

        using var response = await relay.Http.SendAsync(request);
        return response.StatusCode;
    }
}
