using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Relay.Protocol;

/// <summary>
/// The one text of a JSON body that both sides sign: no space outside strings; in strings <c>\" \\ \b \f \n \r \t</c> and
/// <c>\uxxxx</c> (lower-case hex) for every other control or non-ASCII character, nothing else escaped. Number text, key order
/// and duplicate keys stay as they came. It is what Python's <c>json.dumps(…, separators=(',', ':'))</c> prints.
/// </summary>
public static class CanonicalJson
{
    /// <summary>
    /// Nesting beyond this is delivered as bytes, not as JSON (RFC 8259 §9 allows a limit): common parsers stop near 1,000, and an
    /// event that its receiver cannot parse would never be acknowledged.
    /// </summary>
    public const int MaxDepth = 512;

    /// <summary>Any byte that a string's text may hold as it is: printable ASCII but quote and backslash.</summary>
    private static readonly SearchValues<byte> Plain = SearchValues.Create(
        [.. Enumerable.Range(0x20, 0x5f).Select(c => (byte)c).Where(c => c is not ((byte)'"' or (byte)'\\'))]);

    /// <summary>Whether <paramref name="utf8"/> is one JSON value (RFC 8259) in valid UTF-8, nested at most <see cref="MaxDepth"/> deep.</summary>
    public static bool IsJson(ReadOnlySpan<byte> utf8)
    {
        if (!MayBeJson(utf8) || !Utf8.IsValid(utf8))
        {
            return false;
        }

        try
        {
            var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = MaxDepth });
            while (reader.Read())
            {
            }

            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    /// <summary>Writes the canonical text of <paramref name="utf8"/>; writes nothing and answers false when it is not JSON.</summary>
    public static bool TryWrite(ReadOnlySpan<byte> utf8, IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(output);
        if (!IsJson(utf8))
        {
            return false;
        }

        var position = 0;
        while (position < utf8.Length)
        {
            var rest = utf8[position..];
            switch (rest[0])
            {
                case (byte)' ' or (byte)'\t' or (byte)'\n' or (byte)'\r':
                    position++;
                    break;
                case (byte)'"':
                    position += WriteString(rest, output);
                    break;
                default:
                    var length = rest.IndexOfAny(" \t\n\r\""u8);
                    length = length < 0 ? rest.Length : length;
                    output.Write(rest[..length]);
                    position += length;
                    break;
            }
        }

        return true;
    }

    /// <summary>
    /// Tells forms, XML and most binary bodies by their beginning: the reader would tell them by an exception of 8 KB each.
    /// </summary>
    private static bool MayBeJson(ReadOnlySpan<byte> utf8)
    {
        var text = utf8.TrimStart(" \t\n\r"u8);
        return !text.IsEmpty && text[0] switch
        {
            (byte)'{' or (byte)'[' or (byte)'"' or (byte)'-' or (>= (byte)'0' and <= (byte)'9') => true,
            (byte)'t' => text.StartsWith("true"u8),
            (byte)'f' => text.StartsWith("false"u8),
            (byte)'n' => text.StartsWith("null"u8),
            _ => false,
        };
    }

    /// <summary>Writes the string that <paramref name="json"/> begins with; answers how many bytes it took. The text was validated before.</summary>
    private static int WriteString(ReadOnlySpan<byte> json, IBufferWriter<byte> output)
    {
        Span<char> units = stackalloc char[2];
        output.Write("\""u8);
        var position = 1;
        while (true)
        {
            var run = json[position..].IndexOfAnyExcept(Plain);
            output.Write(json.Slice(position, run));
            position += run;
            switch (json[position])
            {
                case (byte)'"':
                    output.Write("\""u8);
                    return position + 1;
                case (byte)'\\':
                    position += WriteEscape(json[position..], output);
                    break;
                default:
                    Rune.DecodeFromUtf8(json[position..], out var rune, out var consumed);
                    foreach (var unit in units[..rune.EncodeToUtf16(units)])
                    {
                        WriteUnit(unit, output);
                    }

                    position += consumed;
                    break;
            }
        }
    }

    private static int WriteEscape(ReadOnlySpan<byte> json, IBufferWriter<byte> output)
    {
        switch (json[1])
        {
            case (byte)'u':
                var unit = (char)((Digit(json[2]) << 12) | (Digit(json[3]) << 8) | (Digit(json[4]) << 4) | Digit(json[5]));
                WriteUnit(unit, output);
                return 6;
            case (byte)'/':
                output.Write("/"u8);
                return 2;
            default:
                output.Write(json[..2]);
                return 2;
        }

        static int Digit(byte digit) => digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;
    }

    /// <summary>Writes one UTF-16 unit, in the shortest form that the canonical text has for it.</summary>
    private static void WriteUnit(char unit, IBufferWriter<byte> output)
    {
        switch (unit)
        {
            case '"': output.Write("\\\""u8); break;
            case '\\': output.Write("\\\\"u8); break;
            case '\b': output.Write("\\b"u8); break;
            case '\f': output.Write("\\f"u8); break;
            case '\n': output.Write("\\n"u8); break;
            case '\r': output.Write("\\r"u8); break;
            case '\t': output.Write("\\t"u8); break;
            case >= ' ' and <= '~': output.Write([(byte)unit]); break;
            default:
                var digits = "0123456789abcdef"u8;
                output.Write([(byte)'\\', (byte)'u', digits[unit >> 12], digits[(unit >> 8) & 15], digits[(unit >> 4) & 15], digits[unit & 15]]);
                break;
        }
    }
}
