namespace Relay.Server.Ingest.Sources;

/// <summary>Slack: docs.slack.dev/authentication/verifying-requests-from-slack, and docs.slack.dev/reference/events/url_verification.</summary>
internal sealed class SlackSource(SourceKeys keys) : ISource
{
    public const string Name = "slack";

    private static readonly HmacScheme Scheme = new("X-Slack-Signature")
    {
        Prefix = "v0=",
        TimestampHeader = "X-Slack-Request-Timestamp",
        Template = SignedTemplate.Parse("v0:{timestamp}:{body}")!,
    };

    public string Type => Name;

    public bool Verify(in SourceRequest request) => Scheme.Verify(request, keys);

    public ValueTask<IResult?> AnswerAsync(in SourceRequest request, CancellationToken cancellationToken) =>
        JsonField.Find(request.Body, "type"u8, ChallengeResult.MaxLength) == "url_verification"
        && JsonField.Find(request.Body, "challenge"u8, ChallengeResult.MaxLength) is { } challenge
            ? new(ChallengeResult.Text(challenge))
            : default;
}
