namespace Relay.Server.Ingest.Sources;

/// <summary>PowerLobster, whose events carry their name in the body.</summary>
internal sealed class PowerLobsterSource(SourceKeys keys) : ISource
{
    public const string Name = "powerlobster";

    private const int MaxEventIdLength = 256;

    private static readonly HmacScheme Scheme = new("X-PowerLobster-Signature")
    {
        Prefix = "sha256=",
        TimestampHeader = "X-PowerLobster-Timestamp",
        Template = SignedTemplate.TimestampDotBody,
    };

    public string Type => Name;

    public bool Verify(in SourceRequest request) => Scheme.Verify(request, keys);

    public string? FindEventId(ReadOnlySpan<byte> body) => JsonField.Find(body, "event_id"u8, MaxEventIdLength);
}
