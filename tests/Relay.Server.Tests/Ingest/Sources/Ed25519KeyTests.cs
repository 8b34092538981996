using System.Numerics;
using Relay.Server.Ingest.Sources;

namespace Relay.Server.Tests.Ingest.Sources;

/// <summary>More of them, and what another implementation refuses, are in the tests against the providers' libraries.</summary>
public sealed class Ed25519KeyTests
{
    private static readonly BigInteger Order = BigInteger.Pow(2, 252) + BigInteger.Parse("27742317777372353535851937790883648493", null);

    /// <summary>RFC 8032 §7.1, tests 1 to 3: public key, message, signature.</summary>
    public static TheoryData<string, string, string> Published => new()
    {
        {
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        },
        {
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        },
        {
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        },
    };

    [Theory, MemberData(nameof(Published))]
    public void Published_signatures_are_right_and_any_other_bit_is_wrong(string publicKey, string message, string signature)
    {
        var (key, signed, right) = (Read(publicKey), Convert.FromHexString(message), Convert.FromHexString(signature));

        Assert.True(key.Verify(right, [], signed));
        Assert.True(key.Verify(right, signed, []));
        for (var bit = 0; bit < 8 * right.Length; bit++)
        {
            var wrong = right.ToArray();
            wrong[bit / 8] ^= (byte)(1 << (bit % 8));
            Assert.False(key.Verify(wrong, [], signed), $"bit {bit}");
        }

        Assert.False(key.Verify(right, [0], signed));
        Assert.False(key.Verify(right.AsSpan(0, 63), [], signed));
        Assert.False(key.Verify([.. right, 0], [], signed));
        Assert.False(key.Verify([], [], signed));
    }

    [Theory, MemberData(nameof(Published))]
    public void The_same_signature_with_a_larger_scalar_is_another_and_refused(string publicKey, string message, string signature)
    {
        var larger = Convert.FromHexString(signature);
        var scalar = new BigInteger(larger.AsSpan(32), isUnsigned: true) + Order;
        Assert.True(scalar.TryWriteBytes(larger.AsSpan(32), out _, isUnsigned: true));

        Assert.False(Read(publicKey).Verify(larger, [], Convert.FromHexString(message)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f70751")]
    [InlineData("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a00")]
    [InlineData("0200000000000000000000000000000000000000000000000000000000000000")]
    [InlineData("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    [InlineData("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")]
    [InlineData("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff")]
    [InlineData("0100000000000000000000000000000000000000000000000000000000000080")]
    public void What_is_no_point_in_its_canonical_form_is_no_key(string hex) =>
        Assert.False(Ed25519Key.TryRead(Convert.FromHexString(hex), out _));

    [Fact]
    public void Field_arithmetic_is_that_of_big_integers()
    {
        var (p, top) = (Field25519.P, BigInteger.Pow(2, 255) - 1);
        var random = new Random(20260714);
        List<BigInteger> values = [0, 1, 2, 18, 19, 20, p - 1, p - 2, p, p + 1, top, top - 1, (BigInteger.One << 51) - 1, BigInteger.One << 51, BigInteger.One << 204, top - (BigInteger.One << 102)];
        for (var i = 0; i < 64; i++)
        {
            var bytes = new byte[32];
            random.NextBytes(bytes);
            values.Add(new BigInteger(bytes, isUnsigned: true) & top);
        }

        foreach (var a in values)
        {
            foreach (var b in values)
            {
                var (x, y) = (new Field25519(a), new Field25519(b));
                Assert.Equal((a + b) % p, (x + y).ToInteger());
                Assert.Equal((a - b + (2 * p)) % p, (x - y).ToInteger());
                Assert.Equal(a * b % p, (x * y).ToInteger());

                // Limbs that are a little over, from one operation into the next.
                Assert.Equal(((a - b) * (a + b) % p + p) % p, ((x - y) * (x + y)).ToInteger());
            }

            Assert.Equal(BigInteger.ModPow(a, p - 2, p), new Field25519(a).Power(p - 2).ToInteger());
        }
    }

    private static Ed25519Key Read(string hex)
    {
        Assert.True(Ed25519Key.TryRead(Convert.FromHexString(hex), out var key));
        return key;
    }
}
