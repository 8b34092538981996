using System.Buffers.Binary;
using System.Text;

namespace Relay.Fuzz.Tests.Wire;

/// <summary>A frame as RFC 6455 §5.2 lays it out, also one that breaks its rules.</summary>
internal sealed record RawFrame(int Opcode, byte[] Payload)
{
    public const int Continuation = 0;
    public const int Text = 1;
    public const int Binary = 2;
    public const int Close = 8;
    public const int Ping = 9;
    public const int Pong = 10;

    public bool Fin { get; init; } = true;

    /// <summary>The three reserved bits, RSV1 the highest: 0 to 7.</summary>
    public int Rsv { get; init; }

    public bool Masked { get; init; } = true;

    /// <summary>How many bytes write the length: 1, 3 or 9; null: as few as can.</summary>
    public int? LengthBytes { get; init; }

    /// <summary>What the header says that the payload has; null: the truth.</summary>
    public ulong? Announced { get; init; }

    /// <summary>0 outside of close frames with a code.</summary>
    public int CloseCode => Opcode == Close && Payload.Length >= 2 ? BinaryPrimitives.ReadUInt16BigEndian(Payload) : 0;

    public string PayloadText => Encoding.UTF8.GetString(Payload);

    public static RawFrame OfText(string text) => new(Text, Encoding.UTF8.GetBytes(text));

    public static RawFrame OfClose(int code, params ReadOnlySpan<byte> reason)
    {
        var payload = new byte[2 + reason.Length];
        BinaryPrimitives.WriteUInt16BigEndian(payload, (ushort)code);
        reason.CopyTo(payload.AsSpan(2));
        return new RawFrame(Close, payload);
    }

    /// <summary>One text message, each piece a fragment.</summary>
    public static IEnumerable<RawFrame> Fragments(params byte[][] pieces) =>
        pieces.Select((piece, i) => new RawFrame(i == 0 ? Text : Continuation, piece) { Fin = i == pieces.Length - 1 });

    public byte[] ToBytes()
    {
        var length = Announced ?? (ulong)Payload.Length;
        var lengthBytes = LengthBytes ?? (length < 126 ? 1 : length <= ushort.MaxValue ? 3 : 9);
        var bytes = new byte[1 + lengthBytes + (Masked ? 4 : 0) + Payload.Length];
        bytes[0] = (byte)((Fin ? 0x80 : 0) | (Rsv << 4) | Opcode);
        bytes[1] = (byte)((Masked ? 0x80 : 0) | (lengthBytes switch { 1 => (int)length, 3 => 126, _ => 127 }));
        if (lengthBytes == 3)
        {
            BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(2), (ushort)length);
        }
        else if (lengthBytes == 9)
        {
            BinaryPrimitives.WriteUInt64BigEndian(bytes.AsSpan(2), length);
        }

        var start = bytes.Length - Payload.Length;
        Payload.CopyTo(bytes, start);
        if (Masked)
        {
            ReadOnlySpan<byte> mask = [0x37, 0xfa, 0x21, 0x3d];
            mask.CopyTo(bytes.AsSpan(start - 4));
            for (var i = start; i < bytes.Length; i++)
            {
                bytes[i] ^= mask[(i - start) & 3];
            }
        }

        return bytes;
    }
}
