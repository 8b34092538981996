using System.Net.Http.Headers;
using Relay.Protocol;
using Relay.Server.Agents;
using Relay.Server.Delivery;

namespace Relay.Server.HttpFallback;

/// <summary>
/// What is posted: the fields of a <c>webhook</c> frame in canonical text, <c>{"id":…,"timestamp":…,"payload":…,…}</c>, and over these very
/// bytes <c>X-Relay-Signature</c> (see <see cref="RelaySignature"/>) and the three headers of Standard Webhooks.
/// </summary>
internal static class EndpointRequest
{
    private static readonly byte[] FrameType = "{\"type\":\"webhook\","u8.ToArray();

    private static readonly ProductInfoHeaderValue UserAgent = new("Relay", typeof(EndpointRequest).Assembly.GetName().Version?.ToString(3));

    /// <param name="endpoint">Where to.</param>
    /// <param name="leased">What.</param>
    /// <param name="agent">Whose keys sign.</param>
    /// <param name="now">The time of this attempt.</param>
    public static HttpRequestMessage Create(Uri endpoint, LeasedEvent leased, Agent agent, DateTimeOffset now)
    {
        var keys = agent.SigningKeys(now);
        var body = WriteBody(leased, keys, now);
        var id = leased.Id.ToString();
        var (timestampMs, timestamp) = (now.ToUnixTimeMilliseconds(), now.ToUnixTimeSeconds());
        var request = new HttpRequestMessage(HttpMethod.Post, endpoint)
        {
            Content = new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } },
        };
        request.Headers.UserAgent.Add(UserAgent);
        request.Headers.Add("X-Relay-Signature", RelaySignature.Sign(keys.ApiKey, timestampMs, body));
        request.Headers.Add("X-Relay-Timestamp", Text(timestampMs));
        request.Headers.Add("webhook-id", id);
        request.Headers.Add("webhook-timestamp", Text(timestamp));
        request.Headers.Add("webhook-signature", string.Join(' ', keys.SigningSecrets.Select(secret => StandardSignature.Sign(secret, id, timestamp, body))));
        return request;
    }

    private static byte[] WriteBody(LeasedEvent leased, SigningKeys keys, DateTimeOffset now)
    {
        // A head is kept as it reads best; everything else in the frame is canonical already.
        using var head = new PooledBufferWriter(leased.Head.Length + 64);
        var canonical = CanonicalJson.TryWrite(leased.Head.Span, head) ? leased with { Head = head.WrittenMemory } : leased;

        using var frame = new PooledBufferWriter(leased.Body.Length + leased.Head.Length + 512);
        WebhookFrame.Write(frame, canonical.ToParts(now), keys);
        return [(byte)'{', .. frame.WrittenSpan[FrameType.Length..]];
    }

    private static string Text(long number) => number.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
