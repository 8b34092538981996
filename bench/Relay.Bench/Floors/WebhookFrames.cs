using System.Buffers;
using System.Text;

namespace Relay.Bench.Floors;

/// <summary>The smallest frame that an agent of the bench understands, and the acks that it sends.</summary>
internal static class WebhookFrames
{
    public static void Write(IBufferWriter<byte> to, ReadOnlySpan<byte> id, ReadOnlySpan<byte> body)
    {
        to.Write("{\"type\":\"webhook\",\"id\":\""u8);
        to.Write(id);
        to.Write("\",\"payload\":"u8);
        to.Write(body);
        to.Write("}"u8);
    }

    /// <summary>The ids of an ack.</summary>
    public static List<string> ReadAck(ReadOnlySpan<byte> frame)
    {
        List<string> ids = [];
        var rest = frame[(frame.IndexOf((byte)'[') + 1)..];
        while (rest.IndexOf((byte)'"') is >= 0 and var start)
        {
            rest = rest[(start + 1)..];
            var end = rest.IndexOf((byte)'"');
            ids.Add(Encoding.ASCII.GetString(rest[..end]));
            rest = rest[(end + 1)..];
        }

        return ids;
    }
}
