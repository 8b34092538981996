using System.Text;

namespace Relay.Protocol.Tests.Messages;

public class RefusedFrameTests
{
    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("1")]
    [InlineData("\"ack\"")]
    [InlineData("garbage")]
    [InlineData("{\"id\":\"evt_1\"}")]
    [InlineData("[{\"type\":\"ack\"}]")]
    [InlineData("{\"Type\":\"ack\"}")]
    [InlineData("{\"type\":null}")]
    [InlineData("{\"type\":1}")]
    [InlineData("{\"type\":[\"ack\"]}")]
    [InlineData("{\"type\":{\"type\":\"ack\"}}")]
    [InlineData("{\"type\":\"\\ud800\"}")]
    [InlineData("{\"type\"")]
    [InlineData("{\"type\":\"ack")]
    [InlineData("{\"type\":\"ack\",}")]
    [InlineData("{'type':'ack'}")]
    [InlineData("\ufeff{\"type\":\"ack\",\"id\":\"evt_1\"}")]
    [InlineData("{\"type\":\"ack\",\"id\":\"evt_1\"} {}")]
    [InlineData("{\"type\":\"unheard_of\",\"id\":")]
    [InlineData("{\"type\":\"unheard_of\"} x")]
    public void What_is_no_object_with_a_type_is_an_invalid_message(string frame)
    {
        AssertInvalidFromAgent(Encoding.UTF8.GetBytes(frame));
        AssertInvalidFromServer(Encoding.UTF8.GetBytes(frame));
    }

    [Theory]
    [InlineData("{\"type\":\"ack\",\"id\":1}")]
    [InlineData("{\"type\":\"ack\",\"id\":{}}")]
    [InlineData("{\"type\":\"ack\",\"id\":\"\\udc00\"}")]
    [InlineData("{\"type\":\"ack\",\"ids\":\"evt_1\"}")]
    [InlineData("{\"type\":\"ack\",\"ids\":[1]}")]
    [InlineData("{\"type\":\"ack\",\"ids\":[\"evt_1\",null]}")]
    [InlineData("{\"type\":\"ack\",\"ids\":{}}")]
    [InlineData("{\"type\":\"ack\",\"timestamp\":\"1\"}")]
    [InlineData("{\"type\":\"ack\",\"timestamp\":1e400}")]
    [InlineData("{\"type\":\"ack\",\"timestamp\":9223372036854775808}")]
    [InlineData("{\"type\":\"nack\",\"id\":\"evt_1\",\"dead_letter\":\"yes\"}")]
    [InlineData("{\"type\":\"nack\",\"id\":\"evt_1\",\"retry_after_ms\":-1e99}")]
    [InlineData("{\"type\":\"auth\",\"max_in_flight\":4294967296}")]
    [InlineData("{\"type\":\"auth\",\"api_key\":[]}")]
    [InlineData("{\"type\":\"pong\",\"timestamp\":true}")]
    [InlineData("{\"type\":\"extend\",\"id\":false}")]
    public void A_field_of_the_wrong_form_is_an_invalid_message(string frame) => AssertInvalidFromAgent(Encoding.UTF8.GetBytes(frame));

    [Theory]
    [InlineData("{\"type\":\"gap\",\"count\":3}")]
    [InlineData("{\"type\":\"error\"}")]
    [InlineData("{\"type\":\"error\",\"error\":null,\"message\":\"m\"}")]
    [InlineData("{\"type\":\"auth_error\",\"error\":\"e\",\"message\":null}")]
    [InlineData("{\"type\":\"auth_success\",\"relay_id\":\"agt_1\"}")]
    [InlineData("{\"type\":\"auth_success\",\"relay_id\":\"agt_1\",\"webhook_url\":\"u\",\"session_id\":null}")]
    [InlineData("{\"type\":\"disconnect\",\"reason\":null,\"message\":\"m\"}")]
    [InlineData("{\"type\":\"ping\",\"timestamp\":\"now\"}")]
    [InlineData("{\"type\":\"webhook\"}")]
    [InlineData("{\"type\":\"webhook\",\"id\":\"i\",\"signature\":\"s\"}")]
    [InlineData("{\"type\":\"webhook\",\"id\":null,\"signature\":\"s\",\"payload\":1}")]
    [InlineData("{\"type\":\"webhook\",\"id\":\"i\",\"signature\":\"s\",\"payload\":1")]
    [InlineData("{\"type\":\"webhook\",\"id\":\"i\",\"signature\":\"s\",\"payload\":1}}")]
    [InlineData("{\"type\":\"webhook\",\"id\":\"i\",\"signature\":\"s\",\"payload\":1} trailing")]
    [InlineData("{\"type\":\"webhook\",\"id\":\"i\",\"signature\":\"s\",\"payload\":1,\"timestamp\":1.5}")]
    [InlineData("{\"type\":\"webhook\",\"id\":\"i\",\"signature\":\"s\",\"payload\":1,\"attempt\":2147483648}")]
    [InlineData("{\"type\":\"webhook\",\"id\":\"i\",\"signature\":\"s\",\"payload\":1,\"body\":\"not base64!\"}")]
    [InlineData("{\"type\":\"webhook\",\"id\":\"i\",\"signature\":\"s\",\"payload\":1,\"body\":7}")]
    [InlineData("{\"type\":\"webhook\",\"id\":\"i\",\"signature\":\"s\",\"payload\":1,\"headers\":\"x\"}")]
    [InlineData("{\"type\":\"webhook\",\"id\":\"i\",\"headers\":7,\"signature\":\"s\",\"payload\":1}")]
    [InlineData("{\"type\":\"webhook\",\"id\":\"i\",\"signature\":\"s\",\"payload\":1,\"headers\":[]}")]
    [InlineData("{\"type\":\"webhook\",\"id\":\"i\",\"signature\":\"s\",\"payload\":1,\"headers\":{\"a\":1}}")]
    [InlineData("{\"type\":\"webhook\",\"id\":\"i\",\"signature\":\"s\",\"payload\":1,\"headers\":{\"a\":[\"b\"]}}")]
    [InlineData("{\"type\":\"webhook\",\"id\":\"i\",\"signature\":\"s\",\"payload\":1,\"source\":\"github\"}")]
    [InlineData("{\"type\":\"webhook\",\"id\":\"i\",\"signature\":\"s\",\"payload\":1,\"source\":{}}")]
    [InlineData("{\"type\":\"webhook\",\"id\":\"i\",\"signature\":\"s\",\"payload\":1,\"source\":{\"type\":null}}")]
    public void A_servers_message_without_what_it_needs_is_an_invalid_message(string frame) => AssertInvalidFromServer(Encoding.UTF8.GetBytes(frame));

    [Theory]
    [InlineData("auth_success")]
    [InlineData("webhook")]
    [InlineData("ACK")]
    [InlineData("")]
    [InlineData("gap\\u0000")]
    public void A_type_that_agents_do_not_send_is_unknown_not_invalid(string type)
    {
        Assert.Null(Frames.ReadAgentMessage(Encoding.UTF8.GetBytes($$"""{"id":[],"type":"{{type}}","error":7}"""), out var error));
        Assert.Equal(ErrorCodes.UnknownMessageType, error.Error);
    }

    [Theory]
    [InlineData("ack")]
    [InlineData("from_a_newer_server")]
    public void A_type_that_servers_do_not_send_is_unknown_not_invalid(string type)
    {
        Assert.Null(Frames.ReadServerMessage(Encoding.UTF8.GetBytes($$"""{"type":"{{type}}"}"""), out var error));
        Assert.Equal(ErrorCodes.UnknownMessageType, error.Error);
    }

    [Fact]
    public void Every_truncation_of_a_golden_frame_is_an_invalid_message()
    {
        foreach (var name in Golden.Names)
        {
            var frame = Golden.Bytes(name);
            for (var length = 0; length < frame.Length; length++)
            {
                AssertInvalidFromAgent(frame.AsSpan(0, length));
                AssertInvalidFromServer(frame.AsSpan(0, length));
            }
        }
    }

    [Theory]
    [InlineData("{\"type\":\"ack\",\"id\":\"evt_1\",\"unknown\":\"?\"}")]
    [InlineData("{\"type\":\"nack\",\"id\":\"evt_1\",\"reason\":\"?\"}")]
    [InlineData("{\"type\":\"ack\",\"?\":1}")]
    [InlineData("{\"type\":\"ack?\"}")]
    [InlineData("{\"type\":\"webhook\",\"id\":\"i\",\"signature\":\"s\",\"payload\":\"?\"}")]
    [InlineData("{\"type\":\"webhook\",\"id\":\"i\",\"signature\":\"s\",\"payload\":1,\"?\":2}")]
    [InlineData("{\"type\":\"webhook\",\"id\":\"i\",\"signature\":\"s\",\"payload\":1,\"headers\":{\"?\":\"?\"}}")]
    public void Invalid_utf8_anywhere_is_an_invalid_message(string template)
    {
        byte[] frame = [.. Encoding.UTF8.GetBytes(template).Select(b => b == '?' ? (byte)0xff : b)];

        AssertInvalidFromAgent(frame);
        AssertInvalidFromServer(frame);
    }

    [Theory]
    [InlineData(1_000)]
    [InlineData(100_000)]
    public void Deep_nesting_is_an_invalid_message(int depth)
    {
        var (open, close) = (new string('[', depth), new string(']', depth));

        AssertInvalidFromAgent(Encoding.UTF8.GetBytes($$"""{"type":"ack","x":{{open}}{{close}}}"""));
        AssertInvalidFromAgent(Encoding.UTF8.GetBytes($$"""{"x":{{open}}{{close}},"type":"ack"}"""));
        AssertInvalidFromServer(Encoding.UTF8.GetBytes($$"""{"type":"webhook","id":"i","signature":"s","payload":{{open}}{{close}}}"""));
        AssertInvalidFromServer(Encoding.UTF8.GetBytes($$"""{"type":"ping","x":{{open}}"""));
    }

    [Theory]
    [InlineData("{\"type\":\"$\"}")]
    [InlineData("{\"type\":\"ack\",\"$\":!}")]
    [InlineData("{\"type\":\"ack\",\"$\":{\"$\":!}}")]
    [InlineData("{\"type\":\"ack\",\"ids\":[{\"$\":1}]}")]
    public void What_is_said_about_a_frame_stays_short_however_long_its_names_are(string template)
    {
        Assert.Null(Frames.ReadAgentMessage(Encoding.UTF8.GetBytes(template.Replace("$", new string('n', 100_000), StringComparison.Ordinal)), out var error));

        Assert.InRange(error.Message.Length, 10, 200);
    }

    [Fact]
    public void What_is_said_about_a_frame_can_be_sent_even_if_a_character_is_cut_in_two()
    {
        Assert.Null(Frames.ReadAgentMessage(Encoding.UTF8.GetBytes($$"""{"type":"{{new string('x', 63)}}😀😀"}"""), out var error));

        var frame = Frames.Write(new ErrorMessage { Error = error.Error, Message = error.Message });

        Assert.IsType<ErrorMessage>(Frames.ReadServerMessage(frame, out _));
    }

    [Fact]
    public void What_is_said_about_a_wrong_field_names_it()
    {
        Assert.Null(Frames.ReadAgentMessage("""{"type":"nack","id":"evt_1","retry_after_ms":"soon"}"""u8, out var error));

        Assert.Contains("retry_after_ms", error.Message, StringComparison.Ordinal);
    }

    private static void AssertInvalidFromAgent(ReadOnlySpan<byte> frame)
    {
        Assert.Null(Frames.ReadAgentMessage(frame, out var error));
        Assert.Equal(ErrorCodes.InvalidMessage, error.Error);
        Assert.NotEmpty(error.Message);
    }

    private static void AssertInvalidFromServer(ReadOnlySpan<byte> frame)
    {
        Assert.Null(Frames.ReadServerMessage(frame, out var error));
        Assert.Equal(ErrorCodes.InvalidMessage, error.Error);
        Assert.NotEmpty(error.Message);
    }
}
