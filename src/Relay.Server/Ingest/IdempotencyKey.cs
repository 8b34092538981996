using System.Security.Cryptography;
using System.Text;

namespace Relay.Server.Ingest;

/// <summary>The sender's name for this event: the first of the headers that senders use for it.</summary>
internal static class IdempotencyKey
{
    private const int Bytes = 16;

    private static readonly string[] Headers = ["Idempotency-Key", "webhook-id", "X-GitHub-Delivery", "X-Shopify-Webhook-Id"];

    /// <returns>The key hashed to 16 bytes, with the header's name so that two headers' keys never meet; null when there is none.</returns>
    public static byte[]? Find(IHeaderDictionary headers)
    {
        foreach (var header in Headers)
        {
            if (headers.TryGetValue(header, out var values) && values.ToString() is { Length: > 0 } value)
            {
                return SHA256.HashData(Encoding.UTF8.GetBytes($"{header}:{value}")).AsSpan(0, Bytes).ToArray();
            }
        }

        return null;
    }
}
