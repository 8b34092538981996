using System.Text;
using System.Text.Json;
using Relay.Fuzz.Tests.Fuzzing.Providers;
using Relay.Fuzz.Tests.Wire;

namespace Relay.Fuzz.Tests.Fuzzing;

/// <summary>
/// The questions with which providers try an address, asked by anybody with any text. The text comes back for agents configured so alone, as plain
/// text that no browser takes for anything else, and not when it is long; nothing is fetched but from SNS.
/// </summary>
internal static class Challenges
{
    public const string VerifyToken = "test-only-verify-token";

    private const int MaxLength = 1024;

    private static readonly string[] Texts =
        ["", "x", "1158201444", "<script>alert(1)</script>", "é東😀", "\0", "\r\nX-Evil: 1", "a b+c", "%", "&x=1", "\u202e", "{\"a\":1}", "https://evil.example/", "..", "\"", "'"];

    private static readonly string[] Hosts =
    [
        SnsProvider.Host, "evil.example", SnsProvider.Host + ".evil.example", SnsProvider.Host + ":8443", "user@" + SnsProvider.Host, SnsProvider.Host + "@evil.example", SnsProvider.Host + "\\@evil.example",
        "169.254.169.254", "127.0.0.1", "[::1]", "sns.us-east-1.amazonaws.com", "bucket.s3.amazonaws.com", SnsProvider.Host + "%2eevil.example", SnsProvider.Host + "%00", SnsProvider.Host + ".", "SNS.US-WEST-2.AMAZONAWS.COM",
    ];

    private static readonly string[] Paths = ["/", "/?Action=ConfirmSubscription&Token=1", "/SimpleNotificationService-1.pem", "/SimpleNotificationService-1.pem?x", "/a/../", "//evil.example/", "/#x", "/\r\n", "", "/%2e%2e/"];

    public static HttpCase Make(FuzzWorld world, Hostile hostile, Random random)
    {
        var text = Text(hostile, random);
        return random.Next(9) switch
        {
            0 => AskMeta(world, hostile, random, text),
            1 => Ask(world, hostile, random, "GET", "dropbox", $"?challenge={Uri.EscapeDataString(text)}", answer => Echoed(answer, text)),
            2 => Ask(world, hostile, random, "POST", "graph", $"?validationToken={Uri.EscapeDataString(text)}", answer => Echoed(answer, text)),
            3 => Ask(world, hostile, random, "GET", "twitter", $"?crc_token={Uri.EscapeDataString(text)}", answer => Crc(answer, text)),
            4 => Ask(world, hostile, random, "GET", hostile.Any(["github", "hmac", "sns", "standard", "graph", "slack"]), $"?hub.mode=subscribe&challenge={Uri.EscapeDataString(text)}&crc_token=x&validationToken=x",
                static answer => answer.Status == 405 ? null : "A GET was answered for a provider that asks no such thing."),
            5 => AskOptions(world, hostile, random),
            6 => AskSigned(world, hostile, random, "slack", JsonSerializer.Serialize(new { type = "url_verification", challenge = text }), answer => text.Length is > 0 and <= MaxLength ? Echoed(answer, text) : Taken(answer)),
            7 => AskSigned(world, hostile, random, hostile.Any(["zoom", "discord"]), hostile.Chance(30) ? """{"type":1}""" : JsonSerializer.Serialize(new { @event = "endpoint.url_validation", payload = new { plainToken = text } }), Taken),
            _ => AskConfirmation(world, hostile, random),
        };
    }

    private static HttpCase AskMeta(FuzzWorld world, Hostile hostile, Random random, string text)
    {
        var isRight = hostile.Chance(70);
        var token = isRight ? VerifyToken : hostile.Any(["", "x", VerifyToken + "x", VerifyToken[1..], VerifyToken.ToUpperInvariant()]);
        return Ask(world, hostile, random, "GET", "meta", $"?hub.mode=subscribe&hub.challenge={Uri.EscapeDataString(text)}&hub.verify_token={token}",
            answer => isRight ? Echoed(answer, text) : answer.Status == 403 ? null : "A wrong token was answered.");
    }

    private static HttpCase AskOptions(FuzzWorld world, Hostile hostile, Random random)
    {
        var origin = hostile.Chance(50) ? "eventemitter.example.com" : hostile.HeaderValue();
        return new HttpCase(RequestText.Write(random, hostile, "OPTIONS", new Uri(world.Open.WebhookUrl).AbsolutePath, [("WebHook-Request-Origin", origin)], []))
        {
            Verdict = answer => answer.Status == 200 ? Lacks(answer, $"WebHook-Allowed-Origin: {origin.Trim()}") : answer.Status is 400 or 405 ? null : "It was not answered as CloudEvents has it.",
        };
    }

    private static HttpCase AskConfirmation(FuzzWorld world, Hostile hostile, Random random)
    {
        var (isRight, url) = hostile.Chance(30) ? (true, SnsProvider.SubscribeUrl) : (false, $"{hostile.Any(["https", "http", "ftp", "HTTPS", "file"])}://{hostile.Any(Hosts)}{hostile.Any(Paths)}");
        var certificate = hostile.Chance(70) ? SnsProvider.CertificateUrl : $"https://{hostile.Any(Hosts)}{hostile.Any(Paths)}";
        var message = new Dictionary<string, string?> { ["Type"] = "SubscriptionConfirmation", ["Message"] = "m", ["Token"] = "t", ["SubscribeURL"] = url };
        return SignedRequests.Request(world, hostile, random, Find("sns"), signing => SnsProvider.SignMessage(message, signing, certificate), isForged: true) with
        {
            Verdict = answer => certificate == SnsProvider.CertificateUrl && isRight ? Echoed(answer, "confirmed")
                : answer.Status is 401 or 403 or 503 || (answer.Status == 200 && certificate == SnsProvider.CertificateUrl) ? null : "It was not refused.",
        };
    }

    /// <summary>To agents that must be left with nothing: a question is no event.</summary>
    private static HttpCase Ask(FuzzWorld world, Hostile hostile, Random random, string method, string type, string query, Func<RawAnswer, string?> verdict) =>
        new(RequestText.Write(random, hostile, method, new Uri(world.Forged[type].WebhookUrl).AbsolutePath + query, [], [])) { Verdict = verdict };

    private static HttpCase AskSigned(FuzzWorld world, Hostile hostile, Random random, string type, string body, Func<RawAnswer, string?> verdict)
    {
        var provider = Find(type);
        return SignedRequests.Request(world, hostile, random, provider, signing => provider.Sign(Encoding.UTF8.GetBytes(body), signing), isForged: false) with { Verdict = verdict };
    }

    private static string Text(Hostile hostile, Random random) => hostile.Chance(10) ? new string('a', hostile.Any([MaxLength - 1, MaxLength, MaxLength + 1, 3000])) : hostile.Any(Texts) + (hostile.Chance(30) ? $"{random.Next()}" : "");

    private static Provider Find(string type) => Provider.All.First(provider => provider.Type == type);

    private static string? Echoed(RawAnswer answer, string text)
    {
        if (text.Length is 0 or > MaxLength)
        {
            return answer.Status == 403 ? null : "Text of unusual length was answered.";
        }

        return answer.Status != 200 || Encoding.UTF8.GetString(answer.Body) != text ? "The text did not come back."
            : Lacks(answer, "Content-Type: text/plain; charset=utf-8") ?? Lacks(answer, "X-Content-Type-Options: nosniff");
    }

    private static string? Taken(RawAnswer answer) => answer.Status switch
    {
        202 or 503 => null,
        200 => Lacks(answer, "X-Content-Type-Options: nosniff"),
        _ => "What the provider signed was not taken.",
    };

    private static string? Crc(RawAnswer answer, string token)
    {
        var isToken = token.Length is > 0 and <= 128 && token.All(static c => char.IsAsciiLetterOrDigit(c) || "+-/=_".Contains(c, StringComparison.Ordinal));
        return !isToken ? answer.Status == 403 ? null : "A token that is none was signed."
            : answer.Status == 200 ? Lacks(answer, "Content-Type: application/json") ?? Lacks(answer, "X-Content-Type-Options: nosniff")
            : "The token was not answered.";
    }

    private static string? Lacks(RawAnswer answer, string line) => (answer.Head + "\r\n").Contains($"\r\n{line}\r\n", StringComparison.OrdinalIgnoreCase) ? null : $"The answer lacks {line}.";
}
