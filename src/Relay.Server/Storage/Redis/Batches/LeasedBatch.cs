using System.Buffers.Text;
using System.Text;
using Relay.Server.Delivery;
using StackExchange.Redis;

namespace Relay.Server.Storage.Redis.Batches;

/// <summary>Events that are handed out as the batch in which they became ready: what lease.lua answers for it.</summary>
internal static class LeasedBatch
{
    /// <param name="member">What the batch is called.</param>
    /// <param name="lease">As batches.lua has it.</param>
    /// <param name="index">As batches.lua has it.</param>
    /// <param name="bodies">Head and body of each, one behind the other.</param>
    /// <param name="to">Where its events are added, in order.</param>
    public static void Read(RedisValue member, RedisValue lease, byte[] index, byte[] bodies, List<LeasedEvent> to)
    {
        ReadOnlySpan<byte> lines = index;
        lines = lines[(lines.IndexOf((byte)'\n') + 1)..];
        var sizes = new int[lines.Count((byte)'\n')];
        var batch = new EventBatch(member, lease, sizes);
        Span<char> name = stackalloc char[EventId.TextLength];
        for (var (i, at) = (0, 0); i < sizes.Length; at += sizes[i++])
        {
            Encoding.ASCII.GetChars(lines[..EventId.TextLength], name);
            lines = lines[EventId.TextLength..];
            var (accepted, head, body) = (Number(ref lines), (int)Number(ref lines), (int)Number(ref lines));
            _ = Number(ref lines);
            lines = lines[1..];
            sizes[i] = head + body;
            to.Add(new LeasedEvent(
                QueueReplies.Id(name), DateTimeOffset.FromUnixTimeMilliseconds(accepted), bodies.AsMemory(at, head), bodies.AsMemory(at + head, body),
                Attempt: 1, Failures: 0, LossCounted: false)
            {
                Place = new BatchPlace(batch, i),
            });
        }
    }

    /// <summary>A blank and the number behind it.</summary>
    private static long Number(ref ReadOnlySpan<byte> text)
    {
        if (!Utf8Parser.TryParse(text[1..], out long number, out var length))
        {
            throw new StoreUnavailableException("Redis holds an index of a batch that cannot be read.");
        }

        text = text[(1 + length)..];
        return number;
    }
}
