namespace Relay.Server.Ingest.Sources.Sns;

/// <summary>
/// Amazon SNS: docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html. Each message names the certificate of its signature;
/// a subscription is confirmed by fetching an address that a signed message names.
/// </summary>
internal sealed class SnsSource(SnsTopic topic, SnsCertificates certificates, ProviderWeb web) : ISource
{
    public const string Name = "sns";

    /// <summary>A message is signed once and may be sent again for an hour.</summary>
    private static readonly TimeSpan MaxAge = TimeSpan.FromMinutes(65);
    private static readonly TimeSpan MaxAhead = TimeSpan.FromMinutes(1);

    public string Type => Name;

    public ValueTask<bool> PrepareAsync(ReadOnlyMemory<byte> body, CancellationToken cancellationToken) =>
        FindCertificate(SnsMessage.Read(body.Span)) is { } url ? certificates.LoadAsync(url, topic.CertificateNames, cancellationToken) : new(true);

    public bool Verify(in SourceRequest request)
    {
        var message = SnsMessage.Read(request.Body);
        if (FindCertificate(message) is not { } url
            || message!.Timestamp is not { } timestamp
            || request.Now - timestamp > MaxAge
            || timestamp - request.Now > MaxAhead
            || certificates.Find(url) is not { } certificate
            || request.Now < certificate.NotBefore
            || request.Now > certificate.NotAfter)
        {
            return false;
        }

        using var key = certificate.OpenKey();
        return message.IsSignedBy(key);
    }

    public ValueTask<IResult?> AnswerAsync(in SourceRequest request, CancellationToken cancellationToken) =>
        SnsMessage.Read(request.Body) is { AsksForConfirmation: true } message ? ConfirmAsync(message, cancellationToken) : default;

    public string? FindEventId(ReadOnlySpan<byte> body) => SnsMessage.Read(body)?.MessageId;

    private async ValueTask<IResult?> ConfirmAsync(SnsMessage message, CancellationToken cancellationToken)
    {
        if (topic.FindConfirmation(message.SubscribeUrl) is not { } url)
        {
            return ChallengeResult.Refuse("SubscribeURL is not an address of SNS in the topic's region.");
        }

        return await web.FetchAsync(url, cancellationToken) is null
            ? SourceGate.ProviderUnavailable(Name)
            : ChallengeResult.Text("confirmed");
    }

    /// <summary>Where the message's certificate is, if the message is of the topic: for another nothing is fetched.</summary>
    private Uri? FindCertificate(SnsMessage? message) => message?.TopicArn == topic.Arn ? topic.FindCertificate(message.SigningCertUrl) : null;
}
