using System.Text.Json;

namespace Relay.Protocol.Tests.Api;

/// <summary>Whatever strays into a log or an exception's text by ToString shows no secret.</summary>
public class SecretsStaySecretTests
{
    private const string Marker = "TEST-ONLY-SECRET";

    [Fact]
    public void A_key_and_a_signing_secret_print_their_prefix_alone()
    {
        Assert.Equal("sk_***", ApiKey.New().ToString());
        Assert.Equal("whsec_***", SigningSecret.New().ToString());
        Assert.Equal("sk_***", $"{TestKeys.ApiKey}");
    }

    [Fact]
    public void The_keys_of_an_agent_print_nothing_secret()
    {
        var keys = new SigningKeys(TestKeys.ApiKey, [TestKeys.Secret]);

        Assert.DoesNotContain("TEST", keys.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(TestKeys.Secret.Reveal(), keys.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void An_auth_message_prints_no_key() =>
        AssertHidden(new AuthMessage { RelayId = "agt_1", ApiKey = Marker, Version = "1.0.0" });

    [Fact]
    public void A_registrations_answer_prints_neither_key_nor_secret() =>
        AssertHidden(new RegisterResponse { RelayId = "agt_1", ApiKey = Marker, SigningSecret = Marker, WebhookUrl = "https://relay.example", CreatedAt = 1 });

    [Fact]
    public void A_registration_prints_neither_endpoint_nor_source() => AssertHidden(new RegisterRequest
    {
        Name = "agt_1",
        HttpEndpoint = "https://agent.example/" + Marker,
        Source = new SourceSettings { Type = "github", Secret = Marker },
        Metadata = JsonElement.Parse($$"""{"token":"{{Marker}}"}"""),
        Delivery = JsonElement.Parse($$"""{"x":"{{Marker}}"}"""),
    });

    [Fact]
    public void A_source_prints_its_type_alone() =>
        AssertHidden(new SourceSettings { Type = "agt_1", Secret = Marker, Secrets = [Marker], Header = Marker, Prefix = Marker, Template = Marker });

    [Fact]
    public void A_webhook_prints_nothing_that_its_sender_put_into_it() => AssertHidden(new WebhookMessage
    {
        Id = "agt_1",
        Signature = Marker,
        StandardSignature = Marker,
        Path = "/" + Marker,
        Query = "token=" + Marker,
        Headers = new Dictionary<string, string> { ["x-token"] = Marker },
        Payload = "1"u8.ToArray(),
    });

    private static void AssertHidden(object record)
    {
        Assert.DoesNotContain(Marker, record.ToString(), StringComparison.Ordinal);
        Assert.Contains("agt_1", record.ToString(), StringComparison.Ordinal);
    }
}
