using System.Text.Json;

namespace Relay.Protocol.Tests.Api;

public class ApiJsonTests
{
    [Fact]
    public void An_empty_registration_is_a_registration() =>
        Assert.Equal(new RegisterRequest(), JsonSerializer.Deserialize("{}", ApiJson.Default.RegisterRequest));

    [Fact]
    public void A_registration_is_read_in_snake_case_and_its_objects_are_kept_as_they_came()
    {
        var request = JsonSerializer.Deserialize(
            """{"workspace_id":"w","name":"n","metadata":{"a":1.0},"http_endpoint":"https://agent.example","new":[]}""",
            ApiJson.Default.RegisterRequest)!;

        Assert.Equal("w", request.WorkspaceId);
        Assert.Equal("n", request.Name);
        Assert.Equal("https://agent.example", request.HttpEndpoint);
        Assert.Equal("""{"a":1.0}""", request.Metadata!.Value.GetRawText());
        Assert.Null(request.Source);
    }

    [Fact]
    public void A_source_is_read_in_snake_case()
    {
        var source = JsonSerializer.Deserialize(
            """{"source":{"type":"hmac","secrets":["a","b"],"header":"X-Sig","timestamp_header":"X-Time","template":"{timestamp}.{body}"}}""",
            ApiJson.Default.RegisterRequest)!.Source!;

        Assert.Equal(("hmac", "X-Sig", "X-Time", "{timestamp}.{body}"), (source.Type, source.Header, source.TimestampHeader, source.Template));
        Assert.Equal(["a", "b"], source.Secrets!);
        Assert.Null(source.Secret);
    }

    [Fact]
    public void A_misspelt_setting_of_a_source_is_refused() => Assert.Throws<JsonException>(static () =>
        JsonSerializer.Deserialize("""{"source":{"type":"hmac","timestampheader":"X-Time"}}""", ApiJson.Default.RegisterRequest));

    [Fact]
    public void A_queued_webhook_is_answered_in_the_documented_form() => Assert.Equal(
        """{"status":"queued","id":"evt_1","relay_id":"agt_1","agent_connected":true,"timestamp":7}""",
        JsonSerializer.Serialize(
            new WebhookResponse { Status = "queued", Id = "evt_1", RelayId = "agt_1", AgentConnected = true, Timestamp = 7 },
            ApiJson.Default.WebhookResponse));

    [Fact]
    public void An_error_always_has_details() => Assert.Equal(
        """{"error":"not_found","message":"m","details":{},"timestamp":7,"request_id":"r"}""",
        JsonSerializer.Serialize(
            new ErrorResponse { Error = ErrorCodes.NotFound, Message = "m", Timestamp = 7, RequestId = "r" },
            ApiJson.Default.ErrorResponse));

    [Fact]
    public void A_registrations_answer_is_in_the_documented_form() => Assert.Equal(
        """{"relay_id":"agt_1","api_key":"sk_1","signing_secret":"whsec_1","webhook_url":"u","created_at":7}""",
        JsonSerializer.Serialize(
            new RegisterResponse { RelayId = "agt_1", ApiKey = "sk_1", SigningSecret = "whsec_1", WebhookUrl = "u", CreatedAt = 7 },
            ApiJson.Default.RegisterResponse));
}
