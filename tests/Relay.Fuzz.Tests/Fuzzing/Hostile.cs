using System.Text;
using System.Text.Json;

namespace Relay.Fuzz.Tests.Fuzzing;

/// <summary>Makes hostile values, and hostile documents out of good ones. The same random makes the same.</summary>
internal sealed class Hostile(Random random)
{
    private static readonly string[] Values =
    [
        "null", "true", "{}", "[]", "\"\"", "0", "-1", "-0", "1.5", "1e999", "-1e-999", "9223372036854775807", "9223372036854775808", "99999999999999999999999999",
        "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\\u0000\"", "\"\\u202e\"", "\"a\nb\"", "\"\\x\"", "NaN", "Infinity", "undefined", "'x'", "[1,]", "{\"a\":1,}", "//",
        "/**/", "\ufeff", "{\"a\":1,\"a\":2}", "\"sha256=00\"", "\"https://127.0.0.1/\"", "\"https://x.invalid/\"", "\"file:///etc/passwd\"", "\"agt_0000000000000000\"",
        "\"../../x\"", "[null]", "[[[]]]", "{\"\":{}}", "{\"__proto__\":1}", "\"2026-01-01T00:00:00Z\"", "2147483648", "-9223372036854775809", "0x10", "+1", "01", ".5",
    ];

    private static readonly byte[][] Bytes = [[0xff], [0], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xe2, 0x82], [0xf4, 0x90, 0x80, 0x80], "\r\n"u8.ToArray(), "\""u8.ToArray(), [0x7f]];

    private static readonly string[] Segments =
    [
        "", ".", "..", "%2e%2e", "%2F", "a%2fb", "%00", "%ff", "%zz", "%", "//", "\\", ";x=1", "*", "{id}", "%E6%9D%B1", "evt_", "agt_", "agt_%30%30", "~", "a b", "<x>", "'--", "$(x)",
        "agt_0000000000000000", "evt_00000000000000000000000000000000", "evt_ffffffffffffffffffffffffffffffff", "AGT_0000000000000000", "-1", "null",
    ];

    public bool Chance(int percent) => random.Next(100) < percent;

    public T Any<T>(IReadOnlyList<T> choices) => choices[random.Next(choices.Count)];

    public string Value() => random.Next(12) switch
    {
        0 => Nested(random.Next(1, 2000)),
        1 => $"\"{new string((char)random.Next(32, 126), random.Next(5000)).Replace("\"", "\\\"", StringComparison.Ordinal)}\"",
        2 => new string('9', random.Next(1, 600)),
        3 => $"\"{char.ConvertFromUtf32(random.Next(0x10000, 0x110000))}\"",
        _ => Any(Values),
    };

    public string Segment() => random.Next(10) == 0 ? new string('a', random.Next(3000)) : Any(Segments);

    /// <summary>A header's value as Latin-1: printable, or any byte but those that end a line.</summary>
    public string HeaderValue() => random.Next(6) switch
    {
        0 => new string(Any("a=,;\"\t. ".ToCharArray()), random.Next(2000)),
        1 => new string([.. Enumerable.Range(0, random.Next(40)).Select(_ => (char)random.Next(0x80, 0x100))]),
        2 => new string([.. Enumerable.Range(0, random.Next(40)).Select(_ => (char)random.Next(0x20, 0x7f))]),
        3 => $"{random.NextInt64(long.MinValue, long.MaxValue)}",
        4 => Any(["", " ", ",", "=", "t=,v1=", "v0=", "sha256=", "Bearer ", "Bearer x", "wait=", "wait=-1", "wait=99999999999", "1,2", "\t"]),
        _ => Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(Any(["é", "東", "😀", "\u202e", "İ", "ﬀ"]))),
    };

    /// <summary>Breaks a value that was right: a byte more, less or other, its case, its repetition.</summary>
    public string Damage(string value)
    {
        var at = random.Next(value.Length + 1);
        return random.Next(7) switch
        {
            0 => value[..at],
            1 => value.Insert(at, HeaderValue()),
            2 => value + "," + value,
            3 => value.ToUpperInvariant(),
            4 when value.Length > 0 => value[..Math.Max(0, at - 1)] + (char)random.Next(0x21, 0x7f) + value[at..],
            5 => HeaderValue(),
            _ => value,
        };
    }

    /// <summary>A good document with some of its values, names and bytes made hostile.</summary>
    public byte[] Document(string json)
    {
        if (Chance(5))
        {
            return Encoding.UTF8.GetBytes(Value());
        }

        var text = new StringBuilder();
        using (var document = JsonDocument.Parse(json))
        {
            Write(text, document.RootElement, percent: random.Next(3) * 15);
        }

        var bytes = Encoding.UTF8.GetBytes(text.ToString());
        return Chance(10) ? Broken(bytes) : bytes;
    }

    public byte[] Broken(byte[] bytes)
    {
        var at = random.Next(bytes.Length + 1);
        return random.Next(3) switch
        {
            0 => bytes[..at],
            1 => [.. bytes[..at], .. Any(Bytes), .. bytes[at..]],
            _ => [.. bytes[..at], (byte)random.Next(256), .. bytes[Math.Min(bytes.Length, at + 1)..]],
        };
    }

    private void Write(StringBuilder text, JsonElement value, int percent)
    {
        if (Chance(percent))
        {
            text.Append(Value());
            return;
        }

        if (value.ValueKind == JsonValueKind.Array)
        {
            text.Append('[');
            foreach (var (item, i) in value.EnumerateArray().Select(static (item, i) => (item, i)))
            {
                text.Append(i > 0 ? "," : "");
                Write(text, item, percent);
            }

            text.Append(']');
        }
        else if (value.ValueKind == JsonValueKind.Object)
        {
            text.Append('{');
            foreach (var (property, i) in value.EnumerateObject().Select(static (property, i) => (property, i)))
            {
                text.Append(i > 0 ? "," : "").Append(JsonSerializer.Serialize(property.Name)).Append(':');
                Write(text, property.Value, percent);
                if (Chance(percent / 5))
                {
                    text.Append(',').Append(JsonSerializer.Serialize(property.Name)).Append(':').Append(Value());
                }
            }

            text.Append('}');
        }
        else
        {
            text.Append(value.GetRawText());
        }
    }

    private string Nested(int depth)
    {
        var (open, close) = Chance(50) ? ("[", "]") : ("{\"a\":", "}");
        return string.Concat(Enumerable.Repeat(open, depth)) + '1' + string.Concat(Enumerable.Repeat(close, Chance(80) ? depth : random.Next(depth)));
    }
}
