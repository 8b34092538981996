using System.Text;

namespace Relay.Protocol.Tests.Messages;

/// <summary>Makes broken frames out of good ones. The same seed makes the same frames.</summary>
internal sealed class FrameMutator(Random random, IReadOnlyList<byte[]> corpus)
{
    /// <summary>What breaks parsers: put in anywhere, also where it does not belong.</summary>
    private static readonly byte[][] Fragments =
    [
        .. new[]
        {
            "null", "true", "{}", "[]", "\"\"", "-", "1e999", "-0", "9223372036854775808", "0.1", "\"\\ud800\"", "\"\\udc00x\"", "\"\\u0000\"",
            ",", ":", "{", "}", "[", "]", "\"", "\\", "//", "/*", "\"type\":", "\"type\":\"webhook\",", "\"type\":\"ack\",", "\"id\":null,",
            "\"ids\":[null],", "\"headers\":", "\"source\":", "\"payload\":", "\"body\":\"====\",", "\"timestamp\":1.5,", "😀", "\u0000", "\ufeff",
        }.Select(Encoding.UTF8.GetBytes),
        [0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xe2, 0x82], [0xf4, 0x90, 0x80, 0x80],
    ];

    public byte[] Next()
    {
        var frame = Any(corpus);
        for (var rounds = random.Next(1, 4); rounds > 0; rounds--)
        {
            frame = Mutate(frame);
        }

        return frame;
    }

    private byte[] Mutate(byte[] frame) => random.Next(8) switch
    {
        0 => Flip(frame),
        1 => frame[..random.Next(frame.Length + 1)],
        2 => Splice(frame, Any(corpus)),
        3 => Insert(frame, Any(Fragments)),
        4 => ReplaceValue(frame, Any(Fragments)),
        5 => ReplaceValue(frame, Nested(random.Next(1, 1000))),
        6 => Repeat(frame),
        _ => Remove(frame),
    };

    private byte[] Flip(byte[] frame)
    {
        var copy = frame.ToArray();
        if (copy.Length > 0)
        {
            copy[random.Next(copy.Length)] ^= (byte)(1 << random.Next(8));
        }

        return copy;
    }

    /// <summary>The beginning of one and the end of another.</summary>
    private byte[] Splice(byte[] one, byte[] other) => [.. one.AsSpan(0, random.Next(one.Length + 1)), .. other.AsSpan(random.Next(other.Length + 1))];

    private byte[] Insert(byte[] frame, byte[] fragment)
    {
        var at = random.Next(frame.Length + 1);
        return [.. frame.AsSpan(0, at), .. fragment, .. frame.AsSpan(at)];
    }

    /// <summary>Puts another value after some colon, up to the next comma: mostly well-formed, of the wrong type.</summary>
    private byte[] ReplaceValue(byte[] frame, byte[] value)
    {
        var from = random.Next(frame.Length + 1);
        var colon = frame.AsSpan(from).IndexOf((byte)':');
        if (colon < 0)
        {
            return Insert(frame, value);
        }

        var start = from + colon + 1;
        var length = frame.AsSpan(start).IndexOfAny((byte)',', (byte)'}');
        return [.. frame.AsSpan(0, start), .. value, .. frame.AsSpan(start + Math.Max(length, 0))];
    }

    private byte[] Nested(int depth)
    {
        var (open, close) = random.Next(2) == 0 ? ("[", "]") : ("{\"a\":", "}");
        var closed = random.Next(2) == 0 ? depth : random.Next(depth);
        return Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(open, depth)) + '1' + string.Concat(Enumerable.Repeat(close, closed)));
    }

    private byte[] Repeat(byte[] frame)
    {
        var (start, end) = Range(frame);
        return [.. frame.AsSpan(0, end), .. frame.AsSpan(start)];
    }

    private byte[] Remove(byte[] frame)
    {
        var (start, end) = Range(frame);
        return [.. frame.AsSpan(0, start), .. frame.AsSpan(end)];
    }

    private (int Start, int End) Range(byte[] frame)
    {
        var (one, other) = (random.Next(frame.Length + 1), random.Next(frame.Length + 1));
        return (Math.Min(one, other), Math.Max(one, other));
    }

    private byte[] Any(IReadOnlyList<byte[]> choices) => choices[random.Next(choices.Count)];
}
