namespace Relay.Server.Ingest.Sources;

/// <summary>
/// Checks that one provider sent a webhook, with what it shares with the agent's owner. A webhook goes through the members from
/// <see cref="AnswerUnsigned"/> to <see cref="FindEventId"/> in their order; a GET gets no further than the first. Any thread.
/// </summary>
internal interface ISource
{
    /// <summary>The provider's name in a registration and in the delivered <c>source</c>.</summary>
    string Type { get; }

    /// <summary>
    /// What to answer to a question that the provider never signs, such as a GET's challenge, or why it is not answered; null: it is none.
    /// Anybody may ask: the answer may tell nothing that is not in the question, unless the question proves who asks.
    /// </summary>
    IResult? AnswerUnsigned(in SourceRequest request) => null;

    /// <summary>Gets what <see cref="Verify"/> needs from the provider, such as a certificate, for a body that is not yet known to be the provider's.</summary>
    /// <returns>False: it could not be had now, so that nothing can be said about the webhook.</returns>
    ValueTask<bool> PrepareAsync(ReadOnlyMemory<byte> body, CancellationToken cancellationToken) => new(true);

    /// <summary>Whether the provider signed this, with one of the secrets and recently if it signs the time. Never throws, whatever was sent.</summary>
    bool Verify(in SourceRequest request);

    /// <summary>What to answer when a verified webhook only asks whether somebody is there; null: it is an event.</summary>
    ValueTask<IResult?> AnswerAsync(in SourceRequest request, CancellationToken cancellationToken) => default;

    /// <summary>The provider's name for a verified event, if it is in the body.</summary>
    string? FindEventId(ReadOnlySpan<byte> body) => null;
}
