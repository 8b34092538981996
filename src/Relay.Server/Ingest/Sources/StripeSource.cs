using System.Security.Cryptography;
using System.Text;

namespace Relay.Server.Ingest.Sources;

/// <summary>Stripe: docs.stripe.com/webhooks/signature. One header has the time and, while its secret is rotated, several signatures.</summary>
internal sealed class StripeSource(SourceKeys keys) : ISource
{
    public const string Name = "stripe";

    private const int MaxElements = 16;

    public string Type => Name;

    public bool Verify(in SourceRequest request) =>
        request.Header("Stripe-Signature") is { } header
        && TryRead(header, out var timestamp, out var signatures)
        && SignedTimestamp.IsFresh(timestamp, request.Now)
        && keys.Signed(HashAlgorithmName.SHA256, Encoding.ASCII.GetBytes($"{timestamp}."), request.Body, [], signatures);

    /// <summary>Reads <c>t=…,v1=…,v1=…</c>; other schemes, such as the <c>v0</c> of test events, count for nothing.</summary>
    private static bool TryRead(string header, out string timestamp, out byte[][] signatures)
    {
        List<byte[]> found = [];
        (timestamp, signatures) = ("", []);
        var count = 0;
        foreach (var range in header.AsSpan().Split(','))
        {
            var element = header.AsSpan(range).Trim();
            if (++count > MaxElements || (element.StartsWith("t=") && timestamp.Length > 0))
            {
                return false;
            }

            if (element.StartsWith("t="))
            {
                timestamp = element[2..].ToString();
            }
            else if (element.StartsWith("v1=") && SignatureEncoding.Hex.TryDecode(element[3..], out var signature))
            {
                found.Add(signature);
            }
        }

        signatures = [.. found];
        return true;
    }
}
