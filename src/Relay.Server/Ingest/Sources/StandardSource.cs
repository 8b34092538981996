using Relay.Protocol;

namespace Relay.Server.Ingest.Sources;

/// <summary>Standard Webhooks: github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md.</summary>
internal sealed class StandardSource(IReadOnlyList<SigningSecret> secrets) : ISource
{
    public const string Name = "standard";

    public string Type => Name;

    public bool Verify(in SourceRequest request)
    {
        // The id ends at the first full stop of what was signed: with one inside it, a part of an old body could pass for a new timestamp.
        if (request.Header("webhook-id") is not { } id
            || id.Contains('.', StringComparison.Ordinal)
            || request.Header("webhook-signature") is not { } signatures
            || request.Header("webhook-timestamp") is not { } text
            || !SignedTimestamp.TryRead(text, out var timestamp))
        {
            return false;
        }

        var found = false;
        foreach (var secret in secrets)
        {
            found |= StandardSignature.Verify(secret, signatures, id, timestamp, request.Body, request.Now);
        }

        return found;
    }
}
