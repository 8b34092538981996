namespace Relay.Server.Ingest.Sources;

/// <summary>Checks that one provider sent a webhook, with the secrets that it shares with the agent's owner. Any thread.</summary>
internal interface ISource
{
    /// <summary>The provider's name in a registration and in the delivered <c>source</c>.</summary>
    string Type { get; }

    /// <summary>Whether the provider signed this, with one of the secrets and recently if it signs the time. Never throws, whatever was sent.</summary>
    bool Verify(in SourceRequest request);

    /// <summary>What to answer when a verified body only asks whether somebody is there; null: it is an event.</summary>
    string? FindChallenge(ReadOnlySpan<byte> body) => null;

    /// <summary>The provider's name for a verified event, if it is in the body.</summary>
    string? FindEventId(ReadOnlySpan<byte> body) => null;
}
