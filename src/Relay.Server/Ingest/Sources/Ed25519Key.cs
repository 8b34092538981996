using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using System.Security.Cryptography;

namespace Relay.Server.Ingest.Sources;

/// <summary>
/// A public key of Ed25519 (RFC 8032 §5.1), which .NET does not have. It verifies and cannot sign, so it handles nothing secret; keys, points and
/// scalars that are not in their one canonical form are refused.
/// </summary>
internal sealed class Ed25519Key
{
    public const int SizeBytes = 32;

    private static readonly BigInteger Order = BigInteger.Pow(2, 252) + BigInteger.Parse("27742317777372353535851937790883648493", null);
    private static readonly Field25519 Zero = new(BigInteger.Zero);
    private static readonly Field25519 One = new(BigInteger.One);
    private static readonly Field25519 D = (Zero - new Field25519(121665)) * Invert(new Field25519(121666));
    private static readonly Field25519 TwiceD = D + D;
    private static readonly Field25519 RootOfMinusOne = new Field25519(2).Power((Field25519.P - 1) / 4);
    private static readonly Point Identity = new(Zero, One, One, Zero);
    private static readonly Point Base = Decode(Encode(new Field25519(4) * Invert(new Field25519(5)), isOdd: false))!.Value;

    private readonly byte[] _encoded;
    private readonly Point _negative;
    private readonly Point _baseAndNegative;

    private Ed25519Key(byte[] encoded, Point point)
    {
        _encoded = encoded;
        _negative = new Point(Zero - point.X, point.Y, point.Z, Zero - point.T);
        _baseAndNegative = Base + _negative;
    }

    /// <param name="encoded">32 bytes.</param>
    /// <param name="key">The key, if the bytes are a point's.</param>
    public static bool TryRead(byte[] encoded, [NotNullWhen(true)] out Ed25519Key? key)
    {
        key = encoded.Length == SizeBytes && Decode(encoded) is { } point ? new Ed25519Key(encoded, point) : null;
        return key is not null;
    }

    /// <summary>Whether the signature is this key's over <paramref name="before"/> and <paramref name="body"/>.</summary>
    public bool Verify(ReadOnlySpan<byte> signature, ReadOnlySpan<byte> before, ReadOnlySpan<byte> body)
    {
        if (signature.Length != 2 * SizeBytes)
        {
            return false;
        }

        var s = new BigInteger(signature[SizeBytes..], isUnsigned: true);
        if (s >= Order)
        {
            return false;
        }

        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA512);
        hash.AppendData(signature[..SizeBytes]);
        hash.AppendData(_encoded);
        hash.AppendData(before);
        hash.AppendData(body);
        var k = new BigInteger(hash.GetHashAndReset(), isUnsigned: true) % Order;

        // R = sB − kA, both products in one pass over the scalars' bits.
        var r = Identity;
        for (var bit = 252; bit >= 0; bit--)
        {
            r += r;
            r = ((s >> bit).IsEven, (k >> bit).IsEven) switch
            {
                (true, true) => r,
                (false, true) => r + Base,
                (true, false) => r + _negative,
                _ => r + _baseAndNegative,
            };
        }

        var inverse = Invert(r.Z);
        return signature[..SizeBytes].SequenceEqual(Encode(r.Y * inverse, !(r.X * inverse).ToInteger().IsEven));
    }

    private static Field25519 Invert(in Field25519 value) => value.Power(Field25519.P - 2);

    private static byte[] Encode(in Field25519 y, bool isOdd)
    {
        var encoded = new byte[SizeBytes];
        y.ToInteger().TryWriteBytes(encoded, out _, isUnsigned: true);
        encoded[^1] |= (byte)(isOdd ? 0x80 : 0);
        return encoded;
    }

    /// <summary>§5.1.3: y and the lowest bit of x; null when no point has them.</summary>
    private static Point? Decode(ReadOnlySpan<byte> encoded)
    {
        var value = new BigInteger(encoded, isUnsigned: true);
        var isOdd = !(value >> 255).IsZero;
        value -= isOdd ? BigInteger.One << 255 : BigInteger.Zero;
        if (value >= Field25519.P)
        {
            return null;
        }

        var y = new Field25519(value);
        var square = ((y * y) - One) * Invert((D * y * y) + One);
        var x = square.Power((Field25519.P + 3) / 8);
        x = (x * x).ToInteger() == square.ToInteger() ? x : x * RootOfMinusOne;
        if ((x * x).ToInteger() != square.ToInteger() || (isOdd && x.ToInteger().IsZero))
        {
            return null;
        }

        x = x.ToInteger().IsEven == isOdd ? Zero - x : x;
        return new Point(x, y, One, x * y);
    }

    /// <summary>X/Z, Y/Z, and T = XY/Z.</summary>
    private readonly struct Point(Field25519 x, Field25519 y, Field25519 z, Field25519 t)
    {
        public readonly Field25519 X = x, Y = y, Z = z, T = t;

        /// <summary>§5.1.4, which holds for any two points, equal ones too.</summary>
        public static Point operator +(in Point one, in Point other)
        {
            var a = (one.Y - one.X) * (other.Y - other.X);
            var b = (one.Y + one.X) * (other.Y + other.X);
            var c = one.T * TwiceD * other.T;
            var d = (one.Z + one.Z) * other.Z;
            var (e, f, g, h) = (b - a, d - c, d + c, b + a);
            return new Point(e * f, g * h, f * g, e * h);
        }
    }
}
