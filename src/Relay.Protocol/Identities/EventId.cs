using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Relay.Protocol;

/// <summary>
/// An event's name: <c>evt_</c> and 32 lower-case hex digits, which are 48 bits of Unix milliseconds, a 16-bit counter and
/// 64 random bits. Ids made by one process sort in the order in which they were made.
/// </summary>
public readonly record struct EventId : IComparable<EventId>
{
    /// <summary>Characters of the text form.</summary>
    public const int TextLength = 36;

    /// <summary>Bytes of the binary form.</summary>
    public const int ByteLength = 16;

    private const string Prefix = "evt_";
    private readonly UInt128 _value;

    /// <summary>Makes an id from its 128 bits.</summary>
    public EventId(UInt128 value) => _value = value;

    /// <summary>When it was made, by the clock of who made it, Unix milliseconds.</summary>
    public long UnixTimeMilliseconds => (long)(_value >> 80);

    /// <summary>Reads the text form; false for anything that cannot be an id.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out EventId id)
    {
        id = default;
        if (text.Length != TextLength || !text.StartsWith(Prefix, StringComparison.Ordinal))
        {
            return false;
        }

        var digits = text[Prefix.Length..];
        if (digits.ContainsAnyExcept(Hex.Lower))
        {
            return false;
        }

        id = new EventId(UInt128.Parse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
        return true;
    }

    /// <summary>Reads the 16-byte big-endian form that <see cref="ToBytes"/> writes.</summary>
    public static EventId FromBytes(ReadOnlySpan<byte> bytes) => new(BinaryPrimitives.ReadUInt128BigEndian(bytes));

    /// <summary>The 16-byte big-endian form, which sorts as the ids do.</summary>
    public byte[] ToBytes()
    {
        var bytes = new byte[ByteLength];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, _value);
        return bytes;
    }

    /// <summary>Writes the text form as UTF-8 into the first <see cref="TextLength"/> bytes.</summary>
    public void Format(Span<byte> utf8)
    {
        "evt_"u8.CopyTo(utf8);
        Span<byte> bytes = stackalloc byte[ByteLength];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, _value);
        _ = Convert.TryToHexStringLower(bytes, utf8[Prefix.Length..], out _);
    }

    /// <inheritdoc/>
    public int CompareTo(EventId other) => _value.CompareTo(other._value);

    /// <summary>The text form.</summary>
    public override string ToString()
    {
        Span<byte> utf8 = stackalloc byte[TextLength];
        Format(utf8);
        return Encoding.ASCII.GetString(utf8);
    }

    /// <summary>Whether <paramref name="left"/> sorts before <paramref name="right"/>.</summary>
    public static bool operator <(EventId left, EventId right) => left.CompareTo(right) < 0;

    /// <summary>Whether <paramref name="left"/> sorts after <paramref name="right"/>.</summary>
    public static bool operator >(EventId left, EventId right) => left.CompareTo(right) > 0;

    /// <summary>Whether <paramref name="left"/> sorts before <paramref name="right"/> or is the same.</summary>
    public static bool operator <=(EventId left, EventId right) => left.CompareTo(right) <= 0;

    /// <summary>Whether <paramref name="left"/> sorts after <paramref name="right"/> or is the same.</summary>
    public static bool operator >=(EventId left, EventId right) => left.CompareTo(right) >= 0;
}
