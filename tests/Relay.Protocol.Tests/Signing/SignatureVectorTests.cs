using System.Buffers;
using System.Text;
using System.Text.Json;

namespace Relay.Protocol.Tests.Signing;

public class SignatureVectorTests
{
    public static TheoryData<string> Names => [.. Vectors.Signatures.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Signature_is_the_vectors(string name)
    {
        var vector = Vectors.Signatures[name];
        var content = vector.BytesOrNull("canonical_text") ?? vector.Bytes("body");
        var key = TestKeys.Key(vector.Text("api_key"));
        var timestamp = vector.GetProperty("timestamp_ms").GetInt64();

        Assert.Equal(vector.Text("signature"), RelaySignature.Sign(key, timestamp, content));
        Assert.True(RelaySignature.Verify(key, vector.Text("signature"), timestamp, content, DateTimeOffset.FromUnixTimeMilliseconds(timestamp)));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Standard_signature_is_the_vectors(string name)
    {
        var vector = Vectors.Signatures[name];
        var body = vector.Bytes("body");
        var seconds = vector.GetProperty("timestamp_ms").GetInt64() / 1000;
        var id = vector.Text("id");
        var signatures = vector.Text("standard_signature");

        Assert.Equal(signatures, string.Join(' ', Secrets(vector).Select(secret => StandardSignature.Sign(secret, id, seconds, body))));
        Assert.All(Secrets(vector), secret =>
            Assert.True(StandardSignature.Verify(secret, signatures, id, seconds, body, DateTimeOffset.FromUnixTimeSeconds(seconds))));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Webhook_frame_holds_what_the_vector_says(string name)
    {
        var vector = Vectors.Signatures[name];
        var body = vector.Bytes("body");
        var key = TestKeys.Key(vector.Text("api_key"));
        var output = new ArrayBufferWriter<byte>();

        WebhookFrame.Write(output, new WebhookParts
        {
            Id = TestKeys.Id(vector.Text("id")),
            TimestampMs = vector.GetProperty("timestamp_ms").GetInt64(),
            Attempt = 1,
            ReceivedAtMs = 1,
            Head = "{}"u8,
            Body = body,
        }, new SigningKeys(key, Secrets(vector)));
        var webhook = Assert.IsType<WebhookMessage>(Frames.ReadServerMessage(output.WrittenSpan, out _));

        Assert.Equal(vector.GetProperty("frame").Text("payload"), Encoding.UTF8.GetString(webhook.Payload.Span));
        Assert.Equal(vector.GetProperty("frame").GetProperty("has_body").GetBoolean(), webhook.Body is not null);
        Assert.Equal(body, webhook.ExactBody.ToArray());
        Assert.Equal(vector.Text("signature"), webhook.Signature);
        Assert.Equal(vector.Text("standard_signature"), webhook.StandardSignature);
        Assert.True(webhook.HasValidSignature(key));
        Assert.All(Secrets(vector), secret => Assert.True(webhook.HasValidSignature(secret)));
    }

    private static SigningSecret[] Secrets(JsonElement vector) => vector.TryGetProperty("old_signing_secret", out var old)
        ? [TestKeys.Signing(vector.Text("signing_secret")), TestKeys.Signing(old.GetString()!)]
        : [TestKeys.Signing(vector.Text("signing_secret"))];
}
