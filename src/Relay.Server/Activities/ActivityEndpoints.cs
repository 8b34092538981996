using System.Globalization;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using Relay.Protocol;
using Relay.Server.Agents;
using Relay.Server.Http;

namespace Relay.Server.Activities;

/// <summary><c>GET /api/v1/agents/{relayId}/logs</c>, what happened, and <c>GET /api/v1/feed</c>, what happens on all nodes.</summary>
internal static class ActivityEndpoints
{
    private const int UsualLimit = 20;
    private const int MostLimit = 100;
    private static readonly TimeSpan FeedRetry = TimeSpan.FromSeconds(30);

    public static void MapActivities(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/v1").WithTags("Events");
        group.MapGet($"/agents/{{{AdminOrAgentFilter.RouteValue}}}/logs", LogsAsync)
            .AddEndpointFilter<AdminOrAgentFilter>()
            .WithSummary("Connects, disconnects, failed authentications, nacks and dead letters of an agent, newest first: ?limit=&cursor=.")
            .Produces<ActivityLogList>()
            .Produces<ErrorResponse>(StatusCodes.Status400BadRequest)
            .Produces<ErrorResponse>(StatusCodes.Status401Unauthorized)
            .Produces<ErrorResponse>(StatusCodes.Status404NotFound);
        group.MapGet("/feed", FeedAsync)
            .WithSummary("What happens, live, on all nodes, as server-sent events; an agent sees its own.")
            .Produces(StatusCodes.Status200OK, contentType: "text/event-stream")
            .Produces<ErrorResponse>(StatusCodes.Status401Unauthorized)
            .Produces<ErrorResponse>(StatusCodes.Status429TooManyRequests);
    }

    private static async Task<IResult> LogsAsync(
        string relayId, HttpContext context, IAgentStore agents, IAgentLog log, CancellationToken cancellationToken)
    {
        if (!RelayId.TryParse(relayId, out var agent) || await agents.FindAsync(agent, cancellationToken) is null)
        {
            return Failures.UnknownRelayId();
        }

        var (limit, limitFault) = QueryValues.ReadLimit(context.Request, UsualLimit, MostLimit);
        var (before, cursorFault) = QueryValues.ReadPlace(context.Request);
        if ((limitFault ?? cursorFault) is { } fault)
        {
            return fault;
        }

        var page = await log.ReadAsync(agent, before, limit);
        return TypedResults.Json(
            new ActivityLogList(page.Entries, page.Next?.ToString(CultureInfo.InvariantCulture)), ActivityJson.Default.ActivityLogList);
    }

    private static async Task<IResult> FeedAsync(
        HttpContext context, Access access, ActivityFeed feed, IActivityExchange exchange, AccessWatch watch, IHostApplicationLifetime lifetime)
    {
        var (admin, agent, fault) = await access.AdmitAsync(context);
        if (fault is not null)
        {
            return fault;
        }

        if (!feed.TryJoin(agent?.Id))
        {
            return new ErrorResult(
                StatusCodes.Status429TooManyRequests, ErrorCodes.RateLimitExceeded, $"{ActivityFeed.MostSubscribers} subscribers read this node's feed already, or {ActivityFeed.MostOfOneAgent} with this agent's key. Try again later.")
            {
                RetryAfter = FeedRetry,
            };
        }

        exchange.Want();
        var ends = CancellationTokenSource.CreateLinkedTokenSource(lifetime.ApplicationStopping, context.RequestAborted);
        context.Response.RegisterForDispose(ends);
        context.Response.OnCompleted(() =>
        {
            feed.Leave(agent?.Id);
            return Task.CompletedTask;
        });
        context.Response.RegisterForDisposeAsync(agent is not null ? await watch.BeginAsync(agent, ends.Cancel) : watch.Begin(admin!, ends.Cancel));

        context.Response.Headers["X-Accel-Buffering"] = "no";
        var lastEventId = context.Request.Headers["Last-Event-ID"].ToString();
        return TypedResults.ServerSentEvents(UntilAsync(feed, agent?.Id, lastEventId, ends.Token));
    }

    /// <summary>Ends when the subscriber goes, may not read it any more, or the server shuts down, whichever comes first.</summary>
    private static async IAsyncEnumerable<SseItem<string>> UntilAsync(
        ActivityFeed feed, RelayId? only, string lastEventId, CancellationToken over,
        [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(over, cancellationToken);
        await foreach (var item in feed.ReadAsync(only, lastEventId, ends.Token))
        {
            yield return item;
        }
    }
}
