using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.WebUtilities;

namespace Relay.Server.Ingest.Sources;

/// <summary>
/// Twilio: www.twilio.com/docs/usage/security. It signs the address it was given, then a form's parameters sorted by name; of any other
/// body, the address has the hash.
/// </summary>
internal sealed class TwilioSource(SourceKeys keys) : ISource
{
    public const string Name = "twilio";

    private const string BodyHash = "bodySHA256";
    private const int MaxParameters = 1000;

    private static readonly Comparer<(string Name, string Value)> PairOrder = Comparer<(string Name, string Value)>.Create(static (one, other) =>
        string.CompareOrdinal(one.Name, other.Name) is not 0 and var order ? order : string.CompareOrdinal(one.Value, other.Value));

    public string Type => Name;

    public bool Verify(in SourceRequest request)
    {
        if (request.Header("X-Twilio-Signature") is not { } header
            || !SignatureEncoding.Base64.TryDecode(header, out var signature)
            || ReadParameters(request) is not { } parameters)
        {
            return false;
        }

        // Twilio leaves the port out in some cases and names it in others; its own libraries try both.
        var signed = Encoding.UTF8.GetBytes(parameters);
        var (without, with) = TwilioUrl.WithoutAndWithPort(request.Url);
        return keys.Signed(HashAlgorithmName.SHA1, Encoding.UTF8.GetBytes(without), signed, [], signature)
            | keys.Signed(HashAlgorithmName.SHA1, Encoding.UTF8.GetBytes(with), signed, [], signature);
    }

    /// <returns>What follows the address in the signed text; null when the body is not covered by the signature.</returns>
    private static string? ReadParameters(in SourceRequest request)
    {
        if (request.Query(BodyHash) is { } expected)
        {
            Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
            SHA256.HashData(request.Body, hash);
            return SignatureEncoding.Hex.TryDecode(expected, out var given) && CryptographicOperations.FixedTimeEquals(hash, given) ? "" : null;
        }

        if (request.Body.IsEmpty)
        {
            return "";
        }

        return IsForm(request.Header("Content-Type")) ? JoinForm(request.Body) : null;
    }

    private static bool IsForm(string? contentType) =>
        contentType is not null && contentType.AsSpan()[..IndexOrEnd(contentType, ';')].Trim().Equals("application/x-www-form-urlencoded", StringComparison.OrdinalIgnoreCase);

    private static int IndexOrEnd(string text, char sought) => text.IndexOf(sought, StringComparison.Ordinal) is >= 0 and var index ? index : text.Length;

    /// <summary>Names and values, sorted, each pair once: as Twilio's libraries do it.</summary>
    private static string? JoinForm(ReadOnlySpan<byte> body)
    {
        SortedSet<(string Name, string Value)> parameters = new(PairOrder);
        foreach (var pair in new QueryStringEnumerable("?" + Encoding.UTF8.GetString(body)))
        {
            parameters.Add((pair.DecodeName().ToString(), pair.DecodeValue().ToString()));
            if (parameters.Count > MaxParameters)
            {
                return null;
            }
        }

        return string.Concat(parameters.Select(static parameter => parameter.Name + parameter.Value));
    }
}
