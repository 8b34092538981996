using System.Text;
using Relay.Protocol.Tests.Messages;

namespace Relay.Protocol.Tests.Allocations;

/// <summary>What frames allocate: an upper bound that is what they do. Less is welcome, and then the bound.</summary>
public sealed class FrameAllocationTests
{
    /// <summary>The object of the buffer in which the canonical text is made.</summary>
    private const long WebhookBytes = 32;

    private static readonly byte[] Head = """{"method":"POST","path":"/","query":"","headers":{"content-type":"application/json"}}"""u8.ToArray();
    private static readonly SigningKeys Keys = new(TestKeys.ApiKey, [TestKeys.Secret]);
    private static readonly SigningKeys KeysDuringARotation = new(TestKeys.ApiKey, [TestKeys.Secret, TestKeys.OldSecret]);

    [Theory]
    [InlineData(1 << 10)]
    [InlineData(16 << 10)]
    public void A_webhook_of_canonical_json_costs_the_same_however_big(int size) =>
        AssertWebhook(Encoding.UTF8.GetBytes($$"""{"text":"{{new string('x', size)}}"}"""), Keys);

    [Theory]
    [InlineData(1 << 10)]
    [InlineData(16 << 10)]
    public void A_webhook_of_escapes_costs_the_same_however_big(int size) =>
        AssertWebhook(Encoding.UTF8.GetBytes($$"""{ "text":"{{new string('é', size / 2)}}"}"""), Keys);

    [Theory]
    [InlineData(1 << 10)]
    [InlineData(16 << 10)]
    public void A_webhook_that_is_not_json_costs_the_same_however_big(int size) => AssertWebhook(Encoding.UTF8.GetBytes("text=" + new string('x', size)), Keys);

    [Fact]
    public void A_webhook_with_two_signatures_costs_the_same() => AssertWebhook("{}"u8.ToArray(), KeysDuringARotation);

    [Theory]
    [InlineData("ack-one", 144)]
    [InlineData("ack-many", 320)]
    [InlineData("pong", 112)]
    [InlineData("extend", 216)]
    [InlineData("nack", 352)]
    [InlineData("reply", 1088)]
    public void Reading_what_an_agent_sends(string golden, long bytes)
    {
        var frame = Golden.Bytes(golden);

        Allocated.AtMost(bytes, () => Frames.ReadAgentMessage(frame, out _));
    }

    [Theory]
    [InlineData(64, 6760)]
    [InlineData(1024, 106_600)]
    public void Reading_an_ack_of_many(int count, long bytes)
    {
        var frame = Frames.Write(new AckMessage { Ids = [.. Enumerable.Repeat(TestKeys.Event.ToString(), count)] });

        Allocated.AtMost(bytes, _ => Frames.ReadAgentMessage(frame, out var _), calls: 100);
    }

    [Fact]
    public void Writing_a_ping()
    {
        var ping = new PingMessage { Timestamp = TestKeys.TimestampMs };

        Allocated.AtMost(72, () => Frames.Write(ping));
    }

    [Fact]
    public void Writing_an_error()
    {
        var error = new ErrorMessage { Error = ErrorCodes.UnknownEvent, Message = "No such event.", Timestamp = TestKeys.TimestampMs };

        Allocated.AtMost(120, () => Frames.Write(error));
    }

    private static void AssertWebhook(byte[] body, SigningKeys keys)
    {
        using var output = new PooledBufferWriter(8 * body.Length);
        Allocated.AtMost(WebhookBytes, _ =>
        {
            output.Clear();
            WebhookFrame.Write(output, new WebhookParts
            {
                Id = TestKeys.Event,
                TimestampMs = TestKeys.TimestampMs,
                Attempt = 1,
                ReceivedAtMs = TestKeys.TimestampMs,
                Head = Head,
                Body = body,
            }, keys);
        }, calls: 100);
    }
}
