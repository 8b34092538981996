using System.Globalization;
using System.Runtime.InteropServices;
using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <summary>Arguments of scripts, as the bytes that are sent: of a number the client would make a string and then an array, each time.</summary>
internal static class RedisArgument
{
    private const int MostDigits = 20;

    private static readonly byte[][] Small = [.. Enumerable.Range(0, 1024).Select(static number => Digits(number))];

    public static RedisValue Of(long number) => number >= 0 && number < Small.Length ? Small[number] : Digits(number);

    /// <summary>Unix milliseconds.</summary>
    public static RedisValue Of(DateTimeOffset time) => Digits(time.ToUnixTimeMilliseconds());

    /// <summary>Whole milliseconds.</summary>
    public static RedisValue Of(TimeSpan time) => Of((long)time.TotalMilliseconds);

    public static RedisValue Of(EventId id)
    {
        var text = new byte[EventId.TextLength];
        id.Format(text);
        return text;
    }

    public static RedisValue Of(ReadOnlyMemory<byte> bytes) =>
        MemoryMarshal.TryGetArray(bytes, out var array) && array.Offset == 0 && array.Count == array.Array!.Length ? array.Array : bytes.ToArray();

    private static byte[] Digits(long number)
    {
        Span<byte> digits = stackalloc byte[MostDigits];
        number.TryFormat(digits, out var count, provider: CultureInfo.InvariantCulture);
        return digits[..count].ToArray();
    }
}
