using System.Buffers;
using Relay.Protocol;
using Relay.Server.Agents;
using Relay.Server.Http;

namespace Relay.Server.Ingest;

/// <summary>
/// <c>GET /api/v1/webhook/{relay_id}/{**path}</c>, with which some providers try an address before they use it, and <c>OPTIONS</c>, with
/// which CloudEvents asks whether it may send (HTTP 1.1 Web Hooks for Event Delivery, §4).
/// </summary>
internal static class ChallengeEndpoints
{
    private const int MaxOriginLength = 255;
    private const string Allowed = "POST, PUT, PATCH, OPTIONS";

    private static readonly SearchValues<char> OriginCharacters = SearchValues.Create("-.:/[]0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz");

    public static void MapChallenges(this RouteGroupBuilder group, string pattern)
    {
        group.MapGet(pattern, AnswerAsync)
            .WithSummary("Answers the challenge of an agent's source, if it asks that way (meta, dropbox, twitter).")
            .Produces<string>(StatusCodes.Status200OK, "text/plain")
            .Produces<ErrorResponse>(StatusCodes.Status403Forbidden)
            .Produces<ErrorResponse>(StatusCodes.Status404NotFound)
            .Produces<ErrorResponse>(StatusCodes.Status405MethodNotAllowed);
        group.MapMethods(pattern, [HttpMethods.Options], AgreeAsync)
            .WithSummary("Agrees to be sent CloudEvents by the WebHook-Request-Origin.")
            .Produces(StatusCodes.Status200OK)
            .Produces<ErrorResponse>(StatusCodes.Status400BadRequest)
            .Produces<ErrorResponse>(StatusCodes.Status404NotFound)
            .Produces<ErrorResponse>(StatusCodes.Status405MethodNotAllowed);
    }

    private static async Task<IResult> AnswerAsync(
        string relayId, HttpContext context, AgentDirectory agents, SourceGate gate, CancellationToken cancellationToken) =>
        RelayId.TryParse(relayId, out var id) && await agents.FindAsync(id, cancellationToken) is { } agent
            ? gate.AnswerGet(agent, context.Request) ?? NotAllowed(context)
            : Failures.UnknownRelayId();

    private static async Task<IResult> AgreeAsync(string relayId, HttpContext context, AgentDirectory agents, CancellationToken cancellationToken)
    {
        if (!RelayId.TryParse(relayId, out var id) || await agents.FindAsync(id, cancellationToken) is null)
        {
            return Failures.UnknownRelayId();
        }

        if (!context.Request.Headers.TryGetValue("WebHook-Request-Origin", out var origins))
        {
            return NotAllowed(context);
        }

        if (origins is not [{ Length: > 0 and <= MaxOriginLength } origin] || origin.AsSpan().ContainsAnyExcept(OriginCharacters))
        {
            return Failures.Invalid($"WebHook-Request-Origin is the sender's host name, of at most {MaxOriginLength} characters.");
        }

        // WebHook-Request-Callback asks for a later answer at an address of the sender's choice: it is answered now, and nothing is called.
        var headers = context.Response.Headers;
        headers["WebHook-Allowed-Origin"] = origin;
        headers["WebHook-Allowed-Rate"] = "*";
        headers.Allow = Allowed;
        return TypedResults.Ok();
    }

    private static ErrorResult NotAllowed(HttpContext context)
    {
        context.Response.Headers.Allow = Allowed;
        return Failures.ForStatus(StatusCodes.Status405MethodNotAllowed);
    }
}
