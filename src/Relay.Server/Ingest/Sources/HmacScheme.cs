using System.Security.Cryptography;

namespace Relay.Server.Ingest.Sources;

/// <summary>The way most providers sign: an HMAC over the body, and perhaps the time, in one header.</summary>
internal sealed record HmacScheme(string Header)
{
    public HashAlgorithmName Algorithm { get; init; } = HashAlgorithmName.SHA256;

    public SignatureEncoding Encoding { get; init; } = SignatureEncoding.Hex;

    /// <summary>What stands before the signature in its header.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>Where the signed time is; null: the provider signs none, so that a request never gets too old.</summary>
    public string? TimestampHeader { get; init; }

    public SignedTemplate Template { get; init; } = SignedTemplate.BodyAlone;

    public bool Verify(in SourceRequest request, SourceKeys keys)
    {
        var timestamp = "";
        if (TimestampHeader is not null)
        {
            timestamp = request.Header(TimestampHeader);
            if (timestamp is null || !SignedTimestamp.IsFresh(timestamp, request.Now))
            {
                return false;
            }
        }

        if (request.Header(Header) is not { } value
            || !value.StartsWith(Prefix, StringComparison.Ordinal)
            || !Encoding.TryDecode(value.AsSpan(Prefix.Length), out var signature))
        {
            return false;
        }

        var (before, after) = Template.Fill(timestamp);
        return keys.Signed(Algorithm, before, request.Body, after, signature);
    }
}
