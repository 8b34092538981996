namespace Relay.Server.Ingest.Sources;

/// <summary>Dropbox: www.dropbox.com/developers/reference/webhooks. Its GET challenge is not signed; its webhooks are, with the app secret.</summary>
internal sealed class DropboxSource(SourceKeys keys) : ISource
{
    public const string Name = "dropbox";

    private static readonly HmacScheme Scheme = new("X-Dropbox-Signature");

    public string Type => Name;

    public IResult? AnswerUnsigned(in SourceRequest request) =>
        request.IsGet && request.Query("challenge") is { } challenge ? ChallengeResult.Text(challenge) : null;

    public bool Verify(in SourceRequest request) => Scheme.Verify(request, keys);
}
