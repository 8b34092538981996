using System.Globalization;
using Microsoft.AspNetCore.Http.HttpResults;
using Relay.Protocol;
using Relay.Server.Admin;
using Relay.Server.Audit;
using Relay.Server.Http;
using Relay.Server.HttpFallback;
using Relay.Server.Ingest.Sources;

namespace Relay.Server.Agents;

/// <summary><c>/api/v1/agents</c>: list, inspect, change and deactivate agents.</summary>
internal static class AgentAdministration
{
    private const int MaxRequestBytes = 64 << 10;
    private const int DefaultLimit = 100;
    private const int MaxLimit = 200;
    private const string OneAgent = $"/{{{AdminOrAgentFilter.RouteValue}}}";

    public static void MapAgentAdministration(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/v1/agents").WithTags("Agents")
            .ProducesError(StatusCodes.Status401Unauthorized)
            .ProducesError(StatusCodes.Status403Forbidden)
            .ProducesError(StatusCodes.Status503ServiceUnavailable);
        group.MapGet("", ListAsync).AddEndpointFilter<AdminFilter>()
            .WithSummary("Lists agents in the order of their ids, page after page.")
            .Produces<AgentListResponse>()
            .ProducesError(StatusCodes.Status400BadRequest);
        group.MapGet(OneAgent, FindAsync).AddEndpointFilter<AdminOrAgentFilter>()
            .WithSummary("Shows an agent with the delivery settings that hold for it.")
            .Produces<AgentResponse>()
            .ProducesError(StatusCodes.Status404NotFound);
        group.MapPatch(OneAgent, ChangeAsync).Audited(AuditActs.Change).AddEndpointFilter<AdminFilter>()
            .WithSummary("Changes an agent (JSON merge: null resets). It holds on every node within a second.")
            .Accepts<AgentChange>("application/json")
            .Produces<AgentResponse>()
            .ProducesError(StatusCodes.Status400BadRequest)
            .ProducesError(StatusCodes.Status404NotFound)
            .ProducesError(StatusCodes.Status413PayloadTooLarge);
        group.MapDelete(OneAgent, DeactivateAsync).Audited(AuditActs.Deactivate).AddEndpointFilter<AdminFilter>().NeedsRole(AdminRole.Admin)
            .WithSummary("Deactivates an agent for good; its connections are dropped within a second.")
            .Produces(StatusCodes.Status204NoContent)
            .ProducesError(StatusCodes.Status404NotFound);
    }

    private static async Task<IResult> ListAsync(HttpRequest request, IAgentStore store, AgentPresenter presenter, CancellationToken cancellationToken)
    {
        RelayId? after = null;
        if (request.Query.TryGetValue("cursor", out var cursor))
        {
            if (!RelayId.TryParse(cursor, out var id))
            {
                return Failures.Invalid("cursor is not one that this list answered. Leave it out to begin anew.");
            }

            after = id;
        }

        var limit = DefaultLimit;
        if (request.Query.TryGetValue("limit", out var asked)
            && !(int.TryParse(asked, NumberStyles.None, CultureInfo.InvariantCulture, out limit) && limit is >= 1 and <= MaxLimit))
        {
            return Failures.Invalid($"limit is a whole number from 1 to {MaxLimit}.");
        }

        var page = await store.ListAsync(after, limit, cancellationToken);
        var response = new AgentListResponse
        {
            Agents = await Task.WhenAll(page.Agents.Select(agent => presenter.ShowAsync(agent, request))),
            NextCursor = page.Next?.Value,
        };
        return TypedResults.Json(response, ApiJson.Default.AgentListResponse);
    }

    private static async Task<IResult> FindAsync(
        string relayId, HttpRequest request, IAgentStore store, AgentPresenter presenter, CancellationToken cancellationToken) =>
        RelayId.TryParse(relayId, out var id) && await store.FindAsync(id, cancellationToken) is { } agent
            ? await ShowAsync(agent, request, presenter)
            : Failures.UnknownRelayId();

    private static async Task<IResult> ChangeAsync(
        string relayId,
        HttpRequest request,
        AgentEditor editor,
        EndpointUrl endpoints,
        SourceCatalog sources,
        SecretBox secrets,
        HttpDeliveries deliveries,
        AgentPresenter presenter,
        CancellationToken cancellationToken)
    {
        var (change, fault) = await JsonBody.ReadAsync(request, AgentJson.Default.AgentChange, MaxRequestBytes, cancellationToken);
        fault ??= change is null ? Failures.Invalid("The body is a JSON object with what is to change.")
            : change.FindFault(endpoints, sources) is { } rule ? Failures.Invalid(rule)
            : null;
        if (fault is not null)
        {
            return fault;
        }

        AuditNote.Of(request.HttpContext).Detail = string.Join(", ", change!.ListFields());
        if (!RelayId.TryParse(relayId, out var id)
            || await editor.ChangeAsync(id, agent => agent.Active ? change.ApplyTo(agent, secrets) : agent) is not { Active: true } changed)
        {
            return Failures.UnknownRelayId();
        }

        if (changed.SealedHttpEndpoint is not null)
        {
            // It may have got its endpoint, or have been resumed, with events waiting.
            await deliveries.WatchAsync(id);
        }

        return await ShowAsync(changed, request, presenter);
    }

    private static async Task<IResult> DeactivateAsync(string relayId, AgentEditor editor) =>
        RelayId.TryParse(relayId, out var id)
        && await editor.ChangeAsync(id, static agent => agent.Active ? agent with { Active = false } : agent) is not null
            ? TypedResults.NoContent()
            : Failures.UnknownRelayId();

    private static async Task<JsonHttpResult<AgentResponse>> ShowAsync(AgentRecord agent, HttpRequest request, AgentPresenter presenter) =>
        TypedResults.Json(await presenter.ShowAsync(agent, request), ApiJson.Default.AgentResponse);

    private static T ProducesError<T>(this T endpoints, int status)
        where T : IEndpointConventionBuilder =>
        endpoints.WithMetadata(new ProducesResponseTypeMetadata(status, typeof(ErrorResponse), ["application/json"]));
}
