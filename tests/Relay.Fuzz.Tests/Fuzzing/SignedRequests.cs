using Relay.Fuzz.Tests.Fuzzing.Providers;
using Relay.Fuzz.Tests.Wire;

namespace Relay.Fuzz.Tests.Fuzzing;

/// <summary>
/// Webhooks of every provider. What it signed is taken, whatever the body is; with anything wrong about the signature, the time or the body it is
/// 401, always. Forged ones go to agents of their own, who must be left with nothing.
/// </summary>
internal static class SignedRequests
{
    private static readonly string[] Methods = ["POST", "POST", "PUT", "PATCH"];
    private static readonly string[] Rests = ["", "", "/", "/a/b", "/a%2Fb", "/%E6%9D%B1", "/;x", "/a+b"];

    private enum Forgery
    {
        AnotherKey,
        FlippedBit,
        AnotherBody,
        NoHeader,
        HeaderTwice,
        AnotherHeader,
        TooOld,
        TooFarAhead,
        AnotherTime,
    }

    public static HttpCase Make(FuzzWorld world, Random random)
    {
        var hostile = new Hostile(random);
        return random.Next(10) switch
        {
            < 3 => Right(world, hostile, random),
            < 8 => Forged(world, hostile, random),
            _ => Challenges.Make(world, hostile, random),
        };
    }

    /// <summary>As the provider would send it now.</summary>
    public static HttpCase Request(FuzzWorld world, Hostile hostile, Random random, Provider provider, Func<Signing, Signed> sign, bool isForged)
    {
        var agent = (isForged ? world.Forged : world.Signed)[provider.Type];
        var rest = hostile.Any(Rests);
        var signed = sign(new Signing(agent.WebhookUrl + rest, TimeProvider.System.GetUtcNow()));
        return new HttpCase(RequestText.Write(
            random, hostile, hostile.Any(Methods), new Uri(agent.WebhookUrl).AbsolutePath + rest + signed.Query, signed.Headers, signed.Body));
    }

    private static HttpCase Right(FuzzWorld world, Hostile hostile, Random random)
    {
        var provider = Any(hostile);
        var body = provider.Body(hostile, random);
        return Request(world, hostile, random, provider, signing => provider.Sign(body, signing), isForged: false) with
        {
            // A duplicate or a question is 200; a body may be too large, a queue full.
            Verdict = static answer => answer.Status is 200 or 202 or 413 or 503 ? null : "What the provider signed was not taken.",
        };
    }

    private static HttpCase Forged(FuzzWorld world, Hostile hostile, Random random)
    {
        var provider = Any(hostile);
        var body = provider.Body(hostile, random);
        var forgery = (Forgery)random.Next((int)Forgery.AnotherTime + 1);
        return Request(world, hostile, random, provider, signing => Forge(provider, body, signing, forgery, hostile, random), isForged: true) with
        {
            Verdict = answer => IsRefused(answer) ? null : $"A forgery ({forgery}) of {provider.Type} was not refused.",
        };
    }

    private static Signed Forge(Provider provider, byte[] body, Signing signing, Forgery forgery, Hostile hostile, Random random)
    {
        switch (forgery)
        {
            case Forgery.FlippedBit:
                return provider.Sign(body, signing with { Flipped = true });
            case Forgery.TooOld when provider.SignsTime:
                return provider.Sign(body, signing with { At = signing.At.AddMinutes(-66 - random.Next(100_000)) });
            case Forgery.TooFarAhead when provider.SignsTime:
                return provider.Sign(body, signing with { At = signing.At.AddMinutes(2 + random.Next(100_000)) });
            case Forgery.AnotherTime when provider.SignsTime:
                return provider.Sign(body, signing with { Shown = signing.At.AddSeconds(-1 - random.Next(60)) });
            case Forgery.AnotherBody when provider.SignsBytes:
                return provider.Sign(body, signing) with { Body = Change(body, random) };
            case Forgery.NoHeader or Forgery.HeaderTwice or Forgery.AnotherHeader when provider is not (GraphProvider or SnsProvider):
                var signed = provider.Sign(body, signing);
                var (name, value) = signed.Headers[0];
                IEnumerable<(string, string)> first = forgery switch
                {
                    Forgery.NoHeader => [],
                    Forgery.HeaderTwice => [(name, value), (name, value)],
                    _ => [(name, hostile.Chance(50) ? hostile.HeaderValue() : value[..random.Next(value.Length)])],
                };
                return signed with { Headers = [.. first, .. signed.Headers[1..]] };
            default:
                return provider.Sign(body, signing with { WithAnotherKey = true });
        }
    }

    /// <summary>A bit turned over, a byte more or a byte less.</summary>
    private static byte[] Change(byte[] body, Random random)
    {
        if (body.Length == 0 || random.Next(3) == 0)
        {
            return [.. body, (byte)random.Next(256)];
        }

        var changed = body.ToArray();
        changed[random.Next(body.Length)] ^= (byte)(1 << random.Next(8));
        return random.Next(2) == 0 ? changed : body[..^1];
    }

    /// <summary>A body that is too large is not even looked at.</summary>
    private static bool IsRefused(RawAnswer answer) => answer.Status is 401 or 413;

    /// <summary>Those whose keys are slow take their turn less often.</summary>
    private static Provider Any(Hostile hostile)
    {
        var provider = hostile.Any(Provider.All);
        return provider is DiscordProvider or SnsProvider && hostile.Chance(80) ? hostile.Any(Provider.All) : provider;
    }
}
