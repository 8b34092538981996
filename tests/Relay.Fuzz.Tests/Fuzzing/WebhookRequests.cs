using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Relay.Fuzz.Tests.Fuzzing;

/// <summary>Webhooks: any method, path, header and body; signatures of every provider, right and damaged.</summary>
internal static class WebhookRequests
{
    private static readonly string[] Methods = ["POST", "POST", "POST", "PUT", "PATCH", "GET", "OPTIONS", "HEAD", "DELETE", "TRACE", "post", "PROPFIND"];
    private static readonly string[] Bodies =
    [
        """{"event_id":"e","type":"url_verification","challenge":"c","data":{"n":[1,2.5,-3e2],"s":"é東\ud83d\ude00"}}""", "[]", "\"x\"", "{}", """{"a":{"b":{"c":[{"d":null}]}},"order":{"id":7}}""",
    ];

    public static byte[] Make(FuzzWorld world, Random random)
    {
        var hostile = new Hostile(random);
        var body = hostile.Chance(2) ? new byte[random.Next(2 * FuzzWorld.MaxBodyBytes)] : hostile.Document(hostile.Any(Bodies));
        var (type, agent) = hostile.Any([("", world.Open), .. world.Signed.Select(static pair => (pair.Key, pair.Value))]);
        var id = hostile.Chance(3) ? hostile.Segment() : agent.RelayId;
        var target = $"/api/v1/webhook/{id}{(hostile.Chance(30) ? "/" + hostile.Segment() : "")}{(hostile.Chance(30) ? "?" + hostile.Segment() + "=" + hostile.Segment() : "")}";
        var headers = Sign(type, body, agent.WebhookUrl).Select(pair => (pair.Name, hostile.Chance(40) ? hostile.Damage(pair.Value) : pair.Value)).ToList();
        if (headers.Count > 0 && hostile.Chance(10))
        {
            headers.Add(headers[0]);
        }

        var request = RequestText.Write(random, hostile, hostile.Any(Methods), target.Replace(' ', '+'), headers, body);
        return hostile.Chance(4) ? RequestText.Break(hostile, request) : request;
    }

    /// <summary>What the provider would send, with the time that is now.</summary>
    private static IEnumerable<(string Name, string Value)> Sign(string type, byte[] body, string url)
    {
        var now = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        return type switch
        {
            "github" => [("X-Hub-Signature-256", "sha256=" + Hex("", body))],
            "stripe" => [("Stripe-Signature", $"t={now},v1={Hex(now + ".", body)},v0=00")],
            "slack" => [("X-Slack-Request-Timestamp", now), ("X-Slack-Signature", "v0=" + Hex($"v0:{now}:", body))],
            "shopify" => [("X-Shopify-Hmac-Sha256", Convert.ToBase64String(Hmac("", body)))],
            "standard" => [("webhook-id", "msg_1"), ("webhook-timestamp", now), ("webhook-signature", "v1," + Convert.ToBase64String(
                HMACSHA256.HashData(Convert.FromBase64String(FuzzWorld.Secret[6..]), (byte[])[.. Encoding.ASCII.GetBytes($"msg_1.{now}."), .. body])))],
            "powerlobster" => [("X-PowerLobster-Timestamp", now), ("X-PowerLobster-Signature", "sha256=" + Hex(now + ".", body))],
            "twilio" => [("Content-Type", "application/x-www-form-urlencoded"), ("X-Twilio-Signature", Convert.ToBase64String(
                CryptographicOperations.HmacData(HashAlgorithmName.SHA1, Encoding.UTF8.GetBytes(FuzzWorld.Secret), Encoding.UTF8.GetBytes(url + Encoding.Latin1.GetString(body)))))],
            "hmac" => [("X-Time", now), ("X-Sig", "v1=" + Hex(now + ".", body))],
            _ => [],
        };
    }

    private static byte[] Hmac(string before, byte[] body) => HMACSHA256.HashData(Encoding.UTF8.GetBytes(FuzzWorld.Secret), (byte[])[.. Encoding.ASCII.GetBytes(before), .. body]);

    private static string Hex(string before, byte[] body) => Convert.ToHexStringLower(Hmac(before, body));
}
