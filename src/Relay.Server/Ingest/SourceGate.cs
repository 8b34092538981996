using Relay.Protocol;
using Relay.Server.Agents;
using Relay.Server.Http;
using Relay.Server.Ingest.Sources;

namespace Relay.Server.Ingest;

/// <summary>Lets a webhook of an agent with a source pass only if the source signed it, and answers the source's own questions.</summary>
internal sealed partial class SourceGate(WebhookUrls urls, TimeProvider time, ILogger<SourceGate> logger)
{
    /// <returns>What to answer instead of storing anything; null: it may pass.</returns>
    public IResult? Check(Agent agent, HttpRequest request, byte[] body)
    {
        if (agent.Source is not { } source)
        {
            return null;
        }

        var url = urls.For(agent.Id, request) + WebhookTarget.Of(request, agent.Id).Rest;
        if (!source.Verify(new SourceRequest(request.Headers, url, body, time.GetUtcNow())))
        {
            Refused(logger, agent.Id, source.Type);
            return new ErrorResult(
                StatusCodes.Status401Unauthorized,
                ErrorCodes.InvalidSignature,
                $"The {source.Type} signature is missing, wrong or older than 5 minutes, so nothing was accepted. Check the secret, and the clock of who signs.");
        }

        return source.FindChallenge(body) is { } challenge ? new ChallengeResult(challenge) : null;
    }

    [LoggerMessage(1131, LogLevel.Information, "Refused a webhook for {RelayId}: its {Source} signature is missing, wrong or old")]
    private static partial void Refused(ILogger logger, RelayId relayId, string source);
}
