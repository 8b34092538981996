namespace Relay.Server.Ingest.Sources;

/// <summary>Slack: docs.slack.dev/authentication/verifying-requests-from-slack, and docs.slack.dev/reference/events/url_verification.</summary>
internal sealed class SlackSource(SourceKeys keys) : ISource
{
    public const string Name = "slack";

    private const int MaxChallengeLength = 1024;

    private static readonly HmacScheme Scheme = new("X-Slack-Signature")
    {
        Prefix = "v0=",
        TimestampHeader = "X-Slack-Request-Timestamp",
        Template = SignedTemplate.Parse("v0:{timestamp}:{body}")!,
    };

    public string Type => Name;

    public bool Verify(in SourceRequest request) => Scheme.Verify(request, keys);

    public string? FindChallenge(ReadOnlySpan<byte> body) =>
        JsonField.Find(body, "type"u8, MaxChallengeLength) == "url_verification" ? JsonField.Find(body, "challenge"u8, MaxChallengeLength) : null;
}
