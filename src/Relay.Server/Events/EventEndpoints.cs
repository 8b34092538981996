using Relay.Protocol;
using Relay.Server.Agents;
using Relay.Server.Delivery;
using Relay.Server.Http;

namespace Relay.Server.Events;

/// <summary><c>GET /api/v1/agents/{relayId}/events</c> and <c>GET /api/v1/events/{id}</c>: to see what became of each event.</summary>
internal static class EventEndpoints
{
    private const int UsualLimit = 20;
    private const int MostLimit = 100;

    public static void MapEvents(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/v1").WithTags("Events");
        group.MapGet($"/agents/{{{AdminOrAgentFilter.RouteValue}}}/events", ListAsync)
            .AddEndpointFilter<AdminOrAgentFilter>()
            .WithSummary("An agent's events, newest first: ?status=&limit=&cursor=.")
            .Produces<EventList>()
            .Produces<ErrorResponse>(StatusCodes.Status400BadRequest)
            .Produces<ErrorResponse>(StatusCodes.Status401Unauthorized)
            .Produces<ErrorResponse>(StatusCodes.Status404NotFound);
        group.MapGet("/events/{id}", FindAsync)
            .WithSummary("One event with its exact bytes and every attempt.")
            .Produces<EventDetails>()
            .Produces<ErrorResponse>(StatusCodes.Status401Unauthorized)
            .Produces<ErrorResponse>(StatusCodes.Status404NotFound);
    }

    private static async Task<IResult> ListAsync(
        string relayId, HttpContext context, IAgentStore agents, IDeliveryQueue queue, CancellationToken cancellationToken)
    {
        if (!RelayId.TryParse(relayId, out var agent) || await agents.FindAsync(agent, cancellationToken) is null)
        {
            return Failures.UnknownRelayId();
        }

        var (query, fault) = ReadQuery(context.Request);
        if (fault is not null)
        {
            return fault;
        }

        var page = await queue.ListAsync(agent, query);
        var list = new EventList([.. page.Events.Select(summary => EventView.Item(agent, summary))], page.Next?.ToString());
        return TypedResults.Json(list, EventsJson.Default.EventList);
    }

    private static async Task<IResult> FindAsync(string id, HttpContext context, EventAccess access)
    {
        var (found, fault) = await access.FindAsync(context, id);
        return fault ?? (IResult)TypedResults.Json(EventView.Details(found!), EventsJson.Default.EventDetails);
    }

    private static (EventQuery Query, ErrorResult? Fault) ReadQuery(HttpRequest request)
    {
        var (limit, fault) = QueryValues.ReadLimit(request, UsualLimit, MostLimit);
        EventStatus? status = null;
        EventId? before = null;
        var (statusText, statusFault) = QueryValues.ReadOne(request, "status");
        if (statusFault is null && statusText is { Length: > 0 })
        {
            statusFault = EventStatuses.TryParse(statusText, out var parsed) ? null : Failures.Invalid($"status is one of {EventStatuses.All}, or left out.");
            status = parsed;
        }

        var (cursorText, cursorFault) = QueryValues.ReadOne(request, "cursor");
        if (cursorFault is null && cursorText is { Length: > 0 })
        {
            cursorFault = EventId.TryParse(cursorText, out var parsed) ? null : Failures.Invalid("cursor is the next_cursor of the page before, as it came.");
            before = parsed;
        }

        return (new EventQuery(status, before, limit), fault ?? statusFault ?? cursorFault);
    }
}
