using System.Globalization;
using System.Numerics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Relay.Protocol;

namespace Relay.Fuzz.Tests.Fuzzing.Providers;

internal sealed class StripeProvider() : Provider("stripe")
{
    public override bool SignsTime => true;

    public override Signed Sign(byte[] body, Signing signing) => new(
        [("Stripe-Signature", $"t={signing.ShownSeconds},v0=00,v1={Convert.ToHexStringLower(signing.Hmac(HashAlgorithmName.SHA256, Join(signing.Seconds + ".", body)))}")], body);
}

internal sealed class StandardProvider() : Provider("standard")
{
    private const string Id = "msg_p5jXN8AQM9LWM0D4loKWxJek";

    public override bool SignsTime => true;

    public override Signed Sign(byte[] body, Signing signing)
    {
        var mac = signing.Flip(HMACSHA256.HashData(Convert.FromBase64String(signing.Secret[6..]), Join($"{Id}.{signing.Seconds}.", body)));
        return new([("webhook-signature", $"v1a,x v1,{Convert.ToBase64String(mac)}"), ("webhook-timestamp", signing.ShownSeconds), ("webhook-id", Id)], body);
    }
}

/// <summary>A form: the address, then names and values sorted.</summary>
internal sealed class TwilioProvider() : Provider("twilio")
{
    private static readonly string[] Texts = ["", "a", "A", "Body", "é", "東", "😀", "a b", "+1", "%", "&", "=", "?", "\0", "\r\n", "\u202e", "<x>", "bodySHA256"];

    public override bool SignsBytes => false;

    public override byte[] Body(Hostile hostile, Random random) => Encoding.ASCII.GetBytes(string.Join('&', Enumerable.Range(0, random.Next(hostile.Chance(1) ? 1000 : 12))
        .Select(i => $"{Uri.EscapeDataString(hostile.Any(Texts) + i)}={Uri.EscapeDataString(hostile.Chance(3) ? new string('x', random.Next(4000)) : hostile.Any(Texts))}")));

    public override Signed Sign(byte[] body, Signing signing)
    {
        var pairs = Encoding.ASCII.GetString(body).Split('&', StringSplitOptions.RemoveEmptyEntries)
            .Select(static pair => pair.Split('=')).Select(static pair => (Name: Uri.UnescapeDataString(pair[0]), Value: Uri.UnescapeDataString(pair[1])))
            .OrderBy(static pair => pair.Name, StringComparer.Ordinal).Select(static pair => pair.Name + pair.Value);
        var mac = signing.Hmac(HashAlgorithmName.SHA1, Encoding.UTF8.GetBytes(signing.Url + string.Concat(pairs)));
        return new([("X-Twilio-Signature", Convert.ToBase64String(mac)), ("Content-Type", "application/x-www-form-urlencoded")], body);
    }
}

/// <summary>Anything else: the address has the hash.</summary>
internal sealed class TwilioJsonProvider() : Provider("twilio")
{
    public override Signed Sign(byte[] body, Signing signing)
    {
        var query = $"?bodySHA256={Convert.ToHexStringLower(SHA256.HashData(body))}";
        return new([("X-Twilio-Signature", Convert.ToBase64String(signing.Hmac(HashAlgorithmName.SHA1, Encoding.UTF8.GetBytes(signing.Url + query))))], body) { Query = query };
    }
}

/// <summary>
/// Ed25519 with the key of RFC 8032 §7.1, test 1. The nonce is the key itself, which would tell it to everybody, and makes signing a matter of
/// one multiplication: R is A, and S is a + H(R, A, M) a.
/// </summary>
internal sealed class DiscordProvider() : Provider("discord")
{
    private static readonly BigInteger Order = BigInteger.Pow(2, 252) + BigInteger.Parse("27742317777372353535851937790883648493", CultureInfo.InvariantCulture);
    private static readonly byte[] PublicKey = Convert.FromHexString("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
    private static readonly BigInteger Scalar = ReadScalar(Convert.FromHexString("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"));

    public override bool SignsTime => true;

    public override SourceSettings Settings => new() { Type = Type, Secret = Convert.ToHexStringLower(PublicKey) };

    public override Signed Sign(byte[] body, Signing signing)
    {
        var hash = SHA512.HashData((byte[])[.. PublicKey, .. PublicKey, .. Join(signing.Seconds, body)]);
        var s = ((signing.WithAnotherKey ? Scalar + 1 : Scalar) * (1 + new BigInteger(hash, isUnsigned: true))) % Order;
        var signature = (byte[])[.. PublicKey, .. s.ToByteArray(isUnsigned: true), .. new byte[32]];
        signature[32] ^= (byte)(signing.Flipped ? 1 : 0);
        return new([("X-Signature-Ed25519", Convert.ToHexStringLower(signature.AsSpan(0, 64))), ("X-Signature-Timestamp", signing.ShownSeconds)], body);
    }

    private static BigInteger ReadScalar(byte[] seed)
    {
        var half = SHA512.HashData(seed)[..32];
        half[0] &= 248;
        half[31] = (byte)((half[31] & 127) | 64);
        return new BigInteger(half, isUnsigned: true);
    }
}

/// <summary>Signs nothing: each notification repeats the secret.</summary>
internal sealed class GraphProvider() : Provider("graph")
{
    private static readonly string[] Texts = ["", "x", "é東😀", "\0", "\"\\/", "<script>", "\u2028"];

    public override bool SignsBytes => false;

    public override byte[] Body(Hostile hostile, Random random) => JsonSerializer.SerializeToUtf8Bytes(
        Enumerable.Range(0, random.Next(1, 20)).Select(_ => (object)new { resource = hostile.Any(Texts), n = random.NextDouble(), tenant = new[] { hostile.Any(Texts) } }));

    public override Signed Sign(byte[] body, Signing signing)
    {
        // One wrong among right ones is enough to refuse all.
        var notifications = JsonElement.Parse(body).EnumerateArray().ToList();
        var wrong = signing.WithAnotherKey ? body.Length % notifications.Count : signing.Flipped ? 0 : -1;
        return new([], JsonSerializer.SerializeToUtf8Bytes(new
        {
            value = notifications.Select((notification, i) => new { notification, clientState = i == wrong ? AnotherSecret : Secret }),
        }));
    }
}
