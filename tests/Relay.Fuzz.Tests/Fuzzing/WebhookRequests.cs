using Relay.Fuzz.Tests.Fuzzing.Providers;

namespace Relay.Fuzz.Tests.Fuzzing;

/// <summary>Webhooks: any method, path, header and body; signatures of every provider, right and damaged. See <see cref="SignedRequests"/> for those of which the answer is known.</summary>
internal static class WebhookRequests
{
    private static readonly string[] Methods = ["POST", "POST", "POST", "PUT", "PATCH", "GET", "OPTIONS", "HEAD", "DELETE", "TRACE", "post", "PROPFIND"];
    public static HttpCase Make(FuzzWorld world, Random random)
    {
        var hostile = new Hostile(random);
        var provider = hostile.Any(Provider.All);
        var agent = hostile.Chance(30) ? world.Open : world.Signed[provider.Type];
        var id = hostile.Chance(3) ? hostile.Segment() : agent.RelayId;
        var rest = $"{(hostile.Chance(30) ? "/" + hostile.Segment() : "")}{(hostile.Chance(30) ? "?" + hostile.Segment() + "=" + hostile.Segment() : "")}".Replace(' ', '+');
        var signed = provider.Sign(provider.Body(hostile, random), new Signing(agent.WebhookUrl + rest, TimeProvider.System.GetUtcNow()));
        var body = hostile.Chance(5) ? hostile.Broken(signed.Body) : signed.Body;
        var headers = signed.Headers.Select(pair => (pair.Name, hostile.Chance(40) ? hostile.Damage(pair.Value) : pair.Value)).ToList();
        if (headers.Count > 0 && hostile.Chance(10))
        {
            headers.Add(headers[0]);
        }

        var request = RequestText.Write(random, hostile, hostile.Any(Methods), $"/api/v1/webhook/{id}{rest}".Replace(' ', '+'), headers, body);
        var one = new HttpCase(hostile.Chance(4) ? RequestText.Break(hostile, request) : request);

        // Most that ask to wait are asked not to: each costs a connection.
        return one.IsLast && !one.IsBroken && hostile.Chance(80) ? Make(world, random) : one;
    }
}
