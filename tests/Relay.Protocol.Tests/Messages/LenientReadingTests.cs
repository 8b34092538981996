using System.Text;

namespace Relay.Protocol.Tests.Messages;

public class LenientReadingTests
{
    [Fact]
    public void Fields_come_in_any_order_with_any_space()
    {
        var nack = ReadAgent<NackMessage>(" {\r\n\t\"dead_letter\" : true , \"retry_after_ms\":null,\"id\":\"evt_1\",\n\"type\" : \"nack\" } ");

        Assert.Equal("evt_1", nack.Id);
        Assert.True(nack.DeadLetter);
        Assert.Null(nack.RetryAfterMs);
        Assert.Null(nack.Reason);
    }

    [Theory]
    [InlineData("""{"new":{"a":[1,{"type":"nack"}]},"type":"ack","id":"evt_1","more":[],"Id":"evt_2","ID":3}""")]
    [InlineData("""{"type":"ack","id":"evt_1","new":"\ud800","newer":"\udc00"}""")]
    [InlineData("""{"type":"ack","id":"evt_1","big":1e999999999,"long":123456789012345678901234567890}""")]
    public void Unknown_fields_are_ignored(string frame) => Assert.Equal("evt_1", ReadAgent<AckMessage>(frame).Id);

    [Fact]
    public void Escaped_names_and_values_are_the_same_as_plain_ones() =>
        Assert.Equal("evt_1", ReadAgent<AckMessage>("""{"\u0074ype":"\u0061ck","\u0069d":"evt\u005f1"}""").Id);

    [Fact]
    public void An_ack_may_hold_one_id_and_many()
    {
        var ack = ReadAgent<AckMessage>("""{"type":"ack","id":"evt_1","ids":["evt_2","evt_3"]}""");

        Assert.Equal("evt_1", ack.Id);
        Assert.Equal(["evt_2", "evt_3"], ack.Ids);
    }

    [Fact]
    public void Any_character_of_a_reason_survives()
    {
        var nack = new NackMessage { Id = "evt_1", Reason = "é 😀 \0 \u007f \u2028 \" \\ / </script>" };

        Assert.Equal(nack, Frames.ReadAgentMessage(Frames.Write(nack), out _));
    }

    [Fact]
    public void A_webhook_is_read_in_any_order_with_any_space_and_unknown_fields()
    {
        var webhook = ReadServer<WebhookMessage>(
            """ { "reply_by" : 7 , "headers" : { "A" : "b", "c":null } , "new" : [ { } ] , "payload" : { "a" : [ 1 , 2 ] } , "signature" : "s" , "id" : "i" , "type" : "webhook" } """);

        Assert.Equal("i", webhook.Id);
        Assert.Equal(7, webhook.ReplyBy);
        Assert.Equal("""{ "a" : [ 1 , 2 ] }""", Encoding.UTF8.GetString(webhook.Payload.Span));
        Assert.Equal("b", webhook.Headers["a"]);
        Assert.Equal("", webhook.Headers["c"]);
        Assert.Equal("POST", webhook.Method);
        Assert.Equal("/", webhook.Path);
        Assert.Equal("", webhook.Query);
        Assert.Null(webhook.StandardSignature);
    }

    [Theory]
    [InlineData("body")]
    [InlineData("source")]
    [InlineData("reply_by")]
    [InlineData("headers")]
    [InlineData("method")]
    [InlineData("path")]
    [InlineData("query")]
    [InlineData("standard_signature")]
    public void A_null_in_an_optional_field_of_a_webhook_is_as_if_it_were_absent(string field)
    {
        var webhook = ReadServer<WebhookMessage>($$"""{"type":"webhook","id":"i","{{field}}":null,"signature":"s","payload":{"a":1},"attempt":3}""");

        Assert.Equal("s", webhook.Signature);
        Assert.Equal("""{"a":1}""", Encoding.UTF8.GetString(webhook.Payload.Span));
        Assert.Equal(3, webhook.Attempt);
        Assert.Equal("POST", webhook.Method);
        Assert.Empty(webhook.Headers);
    }

    [Theory]
    [InlineData("null")]
    [InlineData("true")]
    [InlineData("-1.50e3")]
    [InlineData("\"x\\u00e9\"")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("\"\\ud800\"")]
    public void A_payload_is_the_text_of_any_json_value(string payload) =>
        Assert.Equal(payload, Encoding.UTF8.GetString(ReadServer<WebhookMessage>($$"""{"type":"webhook","id":"i","signature":"s","payload":{{payload}}}""").Payload.Span));

    [Fact]
    public void A_payload_may_be_as_deep_as_a_body_may_be()
    {
        var payload = new string('[', CanonicalJson.MaxDepth) + new string(']', CanonicalJson.MaxDepth);

        Assert.Equal(payload.Length, ReadServer<WebhookMessage>($$"""{"payload":{{payload}},"type":"webhook","id":"i","signature":"s"}""").Payload.Length);
    }

    private static T ReadAgent<T>(string frame) => Assert.IsType<T>(Frames.ReadAgentMessage(Encoding.UTF8.GetBytes(frame), out _));

    private static T ReadServer<T>(string frame) => Assert.IsType<T>(Frames.ReadServerMessage(Encoding.UTF8.GetBytes(frame), out _));
}
