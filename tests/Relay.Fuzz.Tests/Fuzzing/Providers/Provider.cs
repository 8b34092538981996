using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Relay.Protocol;

namespace Relay.Fuzz.Tests.Fuzzing.Providers;

/// <summary>With what a request is signed, and what is wrong about it.</summary>
/// <param name="Url">The address that the provider posts to, with what follows it.</param>
/// <param name="At">The time that is signed.</param>
internal sealed record Signing(string Url, DateTimeOffset At)
{
    public bool WithAnotherKey { get; init; }

    /// <summary>A bit of the signature is turned over.</summary>
    public bool Flipped { get; init; }

    /// <summary>The time that the request says; else the one that is signed.</summary>
    public DateTimeOffset? Shown { get; init; }

    public string Secret => WithAnotherKey ? Provider.AnotherSecret : Provider.Secret;

    public string Seconds => Text(At);

    public string ShownSeconds => Text(Shown ?? At);

    public byte[] Hmac(HashAlgorithmName algorithm, byte[] signed) => Flip(CryptographicOperations.HmacData(algorithm, Encoding.UTF8.GetBytes(Secret), signed));

    public byte[] Flip(byte[] signature)
    {
        signature[^1] ^= (byte)(Flipped ? 1 : 0);
        return signature;
    }

    private static string Text(DateTimeOffset time) => time.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
}

/// <summary>What a provider sends.</summary>
/// <param name="Headers">Those that the signature needs.</param>
/// <param name="Body">May differ from the body that was to be signed.</param>
internal sealed record Signed((string Name, string Value)[] Headers, byte[] Body)
{
    /// <summary>For the end of the address; begins with <c>?</c> if it is not empty.</summary>
    public string Query { get; init; } = "";
}

/// <summary>One source type as its provider is, written without the server's code. Any thread.</summary>
internal abstract class Provider(string type)
{
    public const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    public const string AnotherSecret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";

    private static readonly string[] Bodies =
    [
        """{"event_id":"e","type":"url_verification","challenge":"c","data":{"n":[1,2.5,-3e2],"s":"é東\ud83d\ude00"}}""", "[]", "\"x\"", "{}", """{"type":1}""",
        """{"event":"endpoint.url_validation","payload":{"plainToken":"p"}}""", """{"a":{"b":{"c":[{"d":null}]}},"order":{"id":7}}""",
    ];

    public string Type => type;

    public virtual bool SignsTime => false;

    /// <summary>Whether the signature is over the exact bytes of the body.</summary>
    public virtual bool SignsBytes => true;

    public virtual SourceSettings Settings => new() { Type = type, Secret = Secret };

    public static IReadOnlyList<Provider> All { get; } =
    [
        .. HmacProvider.All, new StripeProvider(), new StandardProvider(), new TwilioProvider(), new TwilioJsonProvider(), new DiscordProvider(), new GraphProvider(), new SnsProvider(),
    ];

    /// <summary>Anything: most providers sign whatever their own customers made.</summary>
    public virtual byte[] Body(Hostile hostile, Random random) => random.Next(20) switch
    {
        0 => [],
        1 => Bytes(random, random.Next(2 * FuzzWorld.MaxBodyBytes)),
        2 => Bytes(random, random.Next(100)),
        _ => hostile.Document(hostile.Any(Bodies)),
    };

    public abstract Signed Sign(byte[] body, Signing signing);

    protected static byte[] Join(string before, byte[] body) => [.. Encoding.UTF8.GetBytes(before), .. body];

    private static byte[] Bytes(Random random, int count)
    {
        var bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }
}
