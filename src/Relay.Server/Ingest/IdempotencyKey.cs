using System.Security.Cryptography;
using System.Text;

namespace Relay.Server.Ingest;

/// <summary>The sender's name for this event: the first of the headers that senders use for it, or else what its body says.</summary>
internal static class IdempotencyKey
{
    private const int Bytes = 16;

    private static readonly string[] Headers = ["Idempotency-Key", "webhook-id", "X-GitHub-Delivery", "X-Shopify-Webhook-Id"];

    /// <param name="headers">Looked at first.</param>
    /// <param name="eventId">The body's <c>event_id</c>, where the source has one.</param>
    /// <returns>The key hashed to 16 bytes, with its place's name so that keys of two places never meet; null when there is none.</returns>
    public static byte[]? Find(IHeaderDictionary headers, string? eventId)
    {
        foreach (var header in Headers)
        {
            if (headers.TryGetValue(header, out var values) && values.ToString() is { Length: > 0 } value)
            {
                return Hash(header, value);
            }
        }

        return eventId is null ? null : Hash("event_id", eventId);
    }

    private static byte[] Hash(string place, string value) => SHA256.HashData(Encoding.UTF8.GetBytes($"{place}:{value}")).AsSpan(0, Bytes).ToArray();
}
