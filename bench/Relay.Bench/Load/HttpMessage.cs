using System.Globalization;

namespace Relay.Bench.Load;

/// <summary>Where an HTTP/1.1 message ends.</summary>
internal static class HttpMessage
{
    /// <summary>Of head and body together; null: that cannot be told yet, or the body is chunked.</summary>
    public static int? Length(ReadOnlySpan<byte> message)
    {
        var end = message.IndexOf("\r\n\r\n"u8);
        if (end < 0)
        {
            return null;
        }

        var head = message[..end];
        var at = head.IndexOf("Content-Length: "u8) is >= 0 and var usual ? usual : head.IndexOf("content-length: "u8);
        if (at < 0)
        {
            return null;
        }

        var digits = head[(at + "Content-Length: ".Length)..];
        digits = digits.IndexOf((byte)'\r') is >= 0 and var line ? digits[..line] : digits;
        return end + 4 + int.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture);
    }
}
