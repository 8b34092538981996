using System.Numerics;

namespace Relay.Server.Ingest.Sources;

/// <summary>
/// A number modulo 2²⁵⁵ − 19, as five limbs of 51 bits that may be a little over: every operation takes and gives limbs below 2⁵².
/// How long an operation takes depends on nothing secret because nothing here is: it serves to verify, never to sign.
/// </summary>
internal readonly struct Field25519
{
    public static readonly BigInteger P = BigInteger.Pow(2, 255) - 19;

    private const ulong Mask = (1UL << 51) - 1;
    private readonly ulong _0, _1, _2, _3, _4;

    private Field25519(ulong l0, ulong l1, ulong l2, ulong l3, ulong l4)
    {
        l1 += l0 >> 51;
        l2 += l1 >> 51;
        l3 += l2 >> 51;
        l4 += l3 >> 51;
        l0 = (l0 & Mask) + (19 * (l4 >> 51));
        _0 = l0 & Mask;
        _1 = (l1 & Mask) + (l0 >> 51);
        (_2, _3, _4) = (l2 & Mask, l3 & Mask, l4 & Mask);
    }

    /// <param name="value">From 0 to 2²⁵⁵ − 1.</param>
    public Field25519(BigInteger value)
        : this(Limb(value, 0), Limb(value, 1), Limb(value, 2), Limb(value, 3), Limb(value, 4))
    {
    }

    /// <returns>From 0 to P − 1.</returns>
    public BigInteger ToInteger() => (_0 + ((BigInteger)_1 << 51) + ((BigInteger)_2 << 102) + ((BigInteger)_3 << 153) + ((BigInteger)_4 << 204)) % P;

    public static Field25519 operator +(in Field25519 a, in Field25519 b) => new(a._0 + b._0, a._1 + b._1, a._2 + b._2, a._3 + b._3, a._4 + b._4);

    /// <summary>Adds 4P first, so that no limb falls below 0.</summary>
    public static Field25519 operator -(in Field25519 a, in Field25519 b) => new(
        a._0 + (4 * (Mask - 18)) - b._0, a._1 + (4 * Mask) - b._1, a._2 + (4 * Mask) - b._2, a._3 + (4 * Mask) - b._3, a._4 + (4 * Mask) - b._4);

    public static Field25519 operator *(in Field25519 a, in Field25519 b)
    {
        // 2²⁵⁵ is 19: what goes over the top comes back at the bottom, 19 times.
        ulong a1 = 19 * a._1, a2 = 19 * a._2, a3 = 19 * a._3, a4 = 19 * a._4;
        var r0 = Mul(a._0, b._0) + Mul(a1, b._4) + Mul(a2, b._3) + Mul(a3, b._2) + Mul(a4, b._1);
        var r1 = Mul(a._0, b._1) + Mul(a._1, b._0) + Mul(a2, b._4) + Mul(a3, b._3) + Mul(a4, b._2) + (r0 >> 51);
        var r2 = Mul(a._0, b._2) + Mul(a._1, b._1) + Mul(a._2, b._0) + Mul(a3, b._4) + Mul(a4, b._3) + (r1 >> 51);
        var r3 = Mul(a._0, b._3) + Mul(a._1, b._2) + Mul(a._2, b._1) + Mul(a._3, b._0) + Mul(a4, b._4) + (r2 >> 51);
        var r4 = Mul(a._0, b._4) + Mul(a._1, b._3) + Mul(a._2, b._2) + Mul(a._3, b._1) + Mul(a._4, b._0) + (r3 >> 51);
        return new(((ulong)r0 & Mask) + (19 * (ulong)(r4 >> 51)), (ulong)r1 & Mask, (ulong)r2 & Mask, (ulong)r3 & Mask, (ulong)r4 & Mask);
    }

    public Field25519 Power(BigInteger exponent)
    {
        var result = new Field25519(1, 0, 0, 0, 0);
        for (var bit = (int)exponent.GetBitLength() - 1; bit >= 0; bit--)
        {
            result *= result;
            result = (exponent >> bit).IsEven ? result : result * this;
        }

        return result;
    }

    private static UInt128 Mul(ulong a, ulong b) => Math.BigMul(a, b);

    private static ulong Limb(BigInteger value, int index) => (ulong)((value >> (51 * index)) & Mask);
}
