using Relay.Protocol;
using Relay.Server.Agents;
using Relay.Server.Http;
using Relay.Server.Ingest.Sources;

namespace Relay.Server.Ingest;

/// <summary>Lets a webhook of an agent with a source pass only if the source signed it, and answers the source's own questions.</summary>
internal sealed partial class SourceGate(WebhookUrls urls, TimeProvider time, ILogger<SourceGate> logger)
{
    private static readonly TimeSpan ProviderRetry = TimeSpan.FromSeconds(10);

    /// <returns>What to answer instead of storing anything; null: it may pass.</returns>
    public ValueTask<IResult?> CheckAsync(Agent agent, HttpRequest request, byte[] body, CancellationToken cancellationToken) =>
        agent.Source is { } source ? CheckAsync(source, agent, request, body, cancellationToken) : default;

    /// <returns>What the agent's source is answered that asks with a GET; null: it asks nothing.</returns>
    public IResult? AnswerGet(Agent agent, HttpRequest request) =>
        agent.Source?.AnswerUnsigned(new SourceRequest(request.Headers, FindUrl(agent, request), [], time.GetUtcNow()) { IsGet = true });

    /// <summary>503: the provider had to be asked and could not be. Senders send it again, which they would not after a 401.</summary>
    public static ErrorResult ProviderUnavailable(string type) => new(
        StatusCodes.Status503ServiceUnavailable,
        ErrorCodes.ProviderUnavailable,
        $"What it takes of the {type} provider to check this could not be had, so nothing was accepted. Send it again later.")
    {
        RetryAfter = ProviderRetry,
    };

    private async ValueTask<IResult?> CheckAsync(ISource source, Agent agent, HttpRequest request, byte[] body, CancellationToken cancellationToken)
    {
        var url = FindUrl(agent, request);
        if (source.AnswerUnsigned(Request()) is { } answer)
        {
            return answer;
        }

        if (!await source.PrepareAsync(body, cancellationToken))
        {
            return ProviderUnavailable(source.Type);
        }

        if (!source.Verify(Request()))
        {
            Refused(logger, agent.Id, source.Type);
            return new ErrorResult(
                StatusCodes.Status401Unauthorized,
                ErrorCodes.InvalidSignature,
                $"The {source.Type} signature is missing, wrong or too old, so nothing was accepted. Check the secret, and the clock of who signs.");
        }

        return await source.AnswerAsync(Request(), cancellationToken);

        SourceRequest Request() => new(request.Headers, url, body, time.GetUtcNow());
    }

    private string FindUrl(Agent agent, HttpRequest request) => urls.For(agent.Id, request) + WebhookTarget.Of(request, agent.Id).Rest;

    [LoggerMessage(1131, LogLevel.Information, "Refused a webhook for {RelayId}: its {Source} signature is missing, wrong or old")]
    private static partial void Refused(ILogger logger, RelayId relayId, string source);
}
