using System.Globalization;
using System.Text;

namespace Relay.Bench.Load;

/// <summary>JSON of a given size that carries a number of eight digits, which both ends find without parsing.</summary>
internal static class EventBody
{
    public const int Digits = 8;
    private static readonly byte[] Mark = "\"n\":\""u8.ToArray();

    public static byte[] Make(int size)
    {
        const string Start = "{\"n\":\"00000000\",\"action\":\"opened\",\"pad\":\"";
        return Encoding.ASCII.GetBytes(Start + new string('x', Math.Max(0, size - Start.Length - 2)) + "\"}");
    }

    /// <summary>Where the number is, or -1.</summary>
    public static int Find(ReadOnlySpan<byte> text) => text.IndexOf(Mark) is >= 0 and var at ? at + Mark.Length : -1;

    public static int Read(ReadOnlySpan<byte> text) =>
        Find(text) is >= 0 and var at ? int.Parse(text.Slice(at, Digits), NumberStyles.None, CultureInfo.InvariantCulture) : -1;

    public static void Write(Span<byte> digits, int number)
    {
        for (var i = Digits - 1; i >= 0; i--)
        {
            digits[i] = (byte)('0' + (number % 10));
            number /= 10;
        }
    }
}
