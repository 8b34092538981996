using System.Security.Cryptography;
using System.Text.Json.Nodes;

namespace Relay.Server.Ingest.Sources;

/// <summary>Zoom: developers.zoom.us/docs/api/webhooks, "Verify webhook events" and "Validate your webhook endpoint".</summary>
internal sealed class ZoomSource(IReadOnlyList<SourceKeys> keys) : ISource
{
    public const string Name = "zoom";

    private const int MaxEventLength = 64;
    private const int MaxTokenLength = 256;

    private static readonly HmacScheme Scheme = new("x-zm-signature")
    {
        Prefix = "v0=",
        TimestampHeader = "x-zm-request-timestamp",
        Template = SignedTemplate.Parse("v0:{timestamp}:{body}")!,
    };

    public string Type => Name;

    public bool Verify(in SourceRequest request) => FindKey(request) is not null;

    /// <summary>Proves that the secret is known, with the one that the question was signed with.</summary>
    public ValueTask<IResult?> AnswerAsync(in SourceRequest request, CancellationToken cancellationToken)
    {
        if (JsonField.Find(request.Body, "event"u8, MaxEventLength) != "endpoint.url_validation"
            || JsonField.Find(JsonField.FindRaw(request.Body, "payload"u8), "plainToken"u8, MaxTokenLength) is not { } token
            || FindKey(request) is not { } key)
        {
            return default;
        }

        return new(ChallengeResult.Json(new JsonObject
        {
            ["plainToken"] = token,
            ["encryptedToken"] = Convert.ToHexStringLower(key.SignWithLast(HashAlgorithmName.SHA256, token)),
        }));
    }

    private SourceKeys? FindKey(in SourceRequest request)
    {
        SourceKeys? found = null;
        foreach (var key in keys)
        {
            found = Scheme.Verify(request, key) ? key : found;
        }

        return found;
    }
}
