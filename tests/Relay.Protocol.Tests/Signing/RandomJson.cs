using System.Globalization;
using System.Text;

namespace Relay.Protocol.Tests.Signing;

/// <summary>
/// Makes a random JSON document in two spellings: the same value, key order and number texts; other space, other escapes. The same
/// seed makes the same documents.
/// </summary>
internal sealed class RandomJson(int seed)
{
    private const string Interesting = "\"\\/\b\f\n\r\t\0\u001f \u007f\u0080é\u2028\uffff東{}[]:,0a";
    private readonly Random _random = new(seed);

    public (byte[] One, byte[] Other) Next()
    {
        var (one, other) = (new StringBuilder(), new StringBuilder());
        Value(one, other, depth: 0);
        return (Encoding.UTF8.GetBytes(Space() + one + Space()), Encoding.UTF8.GetBytes(Space() + other + Space()));
    }

    private void Value(StringBuilder one, StringBuilder other, int depth)
    {
        switch (_random.Next(depth > 5 ? 4 : 6))
        {
            case 0: Both(one, other, _random.Next(3) switch { 0 => "null", 1 => "true", _ => "false" }); break;
            case 1: Both(one, other, Number()); break;
            case 2 or 3: String(one, other); break;
            case 4: Many(one, other, "[", "]", () => Value(one, other, depth + 1)); break;
            default:
                Many(one, other, "{", "}", () =>
                {
                    String(one, other);
                    Structure(one, other, ":");
                    Value(one, other, depth + 1);
                });
                break;
        }
    }

    private void Many(StringBuilder one, StringBuilder other, string open, string close, Action item)
    {
        Structure(one, other, open);
        for (var i = _random.Next(5); i > 0; i--)
        {
            item();
            if (i > 1)
            {
                Structure(one, other, ",");
            }
        }

        Structure(one, other, close);
    }

    private void Structure(StringBuilder one, StringBuilder other, string text)
    {
        one.Append(Space()).Append(text).Append(Space());
        other.Append(Space()).Append(text).Append(Space());
    }

    private void String(StringBuilder one, StringBuilder other)
    {
        Both(one, other, "\"");
        for (var i = _random.Next(8); i > 0; i--)
        {
            switch (_random.Next(4))
            {
                case 0: Character(one, other, ((char)_random.Next(' ', 0x7f)).ToString()); break;
                case 1: Character(one, other, Interesting[_random.Next(Interesting.Length)].ToString()); break;
                case 2: Character(one, other, char.ConvertFromUtf32(_random.Next(0x10000, 0x110000))); break;
                default: Character(one, other, ((char)_random.Next(0x80, 0x10000)).ToString()); break;
            }
        }

        Both(one, other, "\"");
    }

    private void Character(StringBuilder one, StringBuilder other, string character)
    {
        one.Append(Spelling(character));
        other.Append(Spelling(character));

        // So that half a surrogate pair never meets another half, which only one of two spellings could tell from a whole.
        Both(one, other, character.Length == 1 && char.IsSurrogate(character[0]) ? "." : "");
    }

    private string Spelling(string character)
    {
        var mustEscape = character[0] is < ' ' or '"' or '\\' || (character.Length == 1 && char.IsSurrogate(character[0]));
        return _random.Next(3) switch
        {
            0 when !mustEscape => character,
            1 when Short(character[0]) is { } letter => "\\" + letter,
            _ => string.Concat(character.Select(unit => "\\u" + ((int)unit).ToString(_random.Next(2) == 0 ? "x4" : "X4", CultureInfo.InvariantCulture))),
        };
    }

    private static char? Short(char unit) => unit switch
    {
        '"' or '\\' or '/' => unit,
        '\b' => 'b',
        '\f' => 'f',
        '\n' => 'n',
        '\r' => 'r',
        '\t' => 't',
        _ => null,
    };

    private string Number() => (_random.Next(2) == 0 ? "-" : "")
        + (_random.Next(3) == 0 ? "0" : "" + (1 + _random.Next(9)) + (_random.Next(2) == 0 ? _random.NextInt64().ToString(CultureInfo.InvariantCulture) : ""))
        + (_random.Next(3) == 0 ? "." + _random.Next(100).ToString("000", CultureInfo.InvariantCulture) : "")
        + (_random.Next(4) == 0 ? "eE"[_random.Next(2)] + new[] { "", "+", "-" }[_random.Next(3)] + _random.Next(400) : "");

    private string Space() => string.Concat(Enumerable.Range(0, Math.Max(0, _random.Next(6) - 3)).Select(_ => " \t\r\n"[_random.Next(4)]));

    private static void Both(StringBuilder one, StringBuilder other, string text)
    {
        one.Append(text);
        other.Append(text);
    }
}
