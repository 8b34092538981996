using System.Text;

namespace Relay.Protocol.Tests.Messages;

/// <summary>The hot path stays off the garbage collector. Bytes a frame, after warm-up, on one thread.</summary>
public class AllocationTests
{
    private const int Frames = 1000;
    private static readonly SigningKeys Keys = new(TestKeys.ApiKey, [TestKeys.Secret]);
    private static readonly byte[] Head = """{"method":"POST","path":"/","query":"","headers":{"content-type":"application/json"}}"""u8.ToArray();

    [Fact]
    public void Writing_a_webhook_of_a_kibibyte_of_canonical_json_allocates_little() =>
        Assert.InRange(BytesPerWebhook(Encoding.UTF8.GetBytes($$"""{"text":"{{new string('x', 1013)}}"}""")), 0, 256);

    [Fact]
    public void Writing_a_webhook_of_a_kibibyte_of_escapes_allocates_little() =>
        Assert.InRange(BytesPerWebhook(Encoding.UTF8.GetBytes($$"""{ "text":"{{new string('é', 506)}}"}""")), 0, 256);

    [Fact]
    public void Writing_a_webhook_of_a_kibibyte_that_is_not_json_allocates_little() =>
        Assert.InRange(BytesPerWebhook(Encoding.UTF8.GetBytes("text=" + new string('x', 1019))), 0, 256);

    [Fact]
    public void Reading_an_ack_allocates_little()
    {
        var frame = Golden.Bytes("ack-one");

        Assert.InRange(BytesPerFrame(() => Protocol.Frames.ReadAgentMessage(frame, out _)), 0, 512);
    }

    [Fact]
    public void Reading_a_pong_allocates_little()
    {
        var frame = Golden.Bytes("pong");

        Assert.InRange(BytesPerFrame(() => Protocol.Frames.ReadAgentMessage(frame, out _)), 0, 512);
    }

    private static long BytesPerWebhook(byte[] body)
    {
        using var output = new PooledBufferWriter(16 * 1024);
        return BytesPerFrame(() =>
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
            }, Keys);
        });
    }

    private static long BytesPerFrame(Action frame)
    {
        for (var i = 0; i < Frames; i++)
        {
            frame();
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < Frames; i++)
        {
            frame();
        }

        return (GC.GetAllocatedBytesForCurrentThread() - before) / Frames;
    }
}
