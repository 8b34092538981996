namespace Relay.Server.Ingest.Sources;

/// <summary>GitHub: docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries.</summary>
internal sealed class GitHubSource(SourceKeys keys) : ISource
{
    public const string Name = "github";

    private static readonly HmacScheme Scheme = new("X-Hub-Signature-256") { Prefix = "sha256=" };

    public string Type => Name;

    public bool Verify(in SourceRequest request) => Scheme.Verify(request, keys);
}
