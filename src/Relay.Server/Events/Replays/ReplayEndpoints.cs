using Relay.Protocol;
using Relay.Server.Agents;
using Relay.Server.Audit;
using Relay.Server.Delivery;
using Relay.Server.Http;

namespace Relay.Server.Events.Replays;

/// <summary>
/// <c>POST /api/v1/events/{id}/replay</c>, <c>POST /api/v1/agents/{relayId}/replay</c> and <c>GET /api/v1/replays/{jobId}</c>, which is known to
/// the node that runs the job.
/// </summary>
internal static class ReplayEndpoints
{
    private const int MaxRequestBytes = 4 << 10;
    private static readonly TimeSpan QueueFullRetry = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan JobRetry = TimeSpan.FromSeconds(10);

    public static void MapReplays(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/v1").WithTags("Events");
        group.MapPost("/events/{id}/replay", ReplayOneAsync)
            .Audited(AuditActs.ReplayOne)
            .WithSummary("Delivers a delivered, dead or expired event once more, as a new event.")
            .Produces<ReplayResponse>(StatusCodes.Status202Accepted)
            .Produces<ErrorResponse>(StatusCodes.Status401Unauthorized)
            .Produces<ErrorResponse>(StatusCodes.Status404NotFound)
            .Produces<ErrorResponse>(StatusCodes.Status409Conflict)
            .Produces<ErrorResponse>(StatusCodes.Status503ServiceUnavailable);
        group.MapPost($"/agents/{{{AdminOrAgentFilter.RouteValue}}}/replay", ReplayManyAsync)
            .Audited(AuditActs.ReplayMany)
            .AddEndpointFilter<AdminOrAgentFilter>()
            .WithSummary("Replays up to 10,000 of an agent's events, oldest first, in the background.")
            .Accepts<ReplayRequest>("application/json")
            .Produces<ReplayProgress>(StatusCodes.Status202Accepted)
            .Produces<ErrorResponse>(StatusCodes.Status400BadRequest)
            .Produces<ErrorResponse>(StatusCodes.Status401Unauthorized)
            .Produces<ErrorResponse>(StatusCodes.Status404NotFound)
            .Produces<ErrorResponse>(StatusCodes.Status429TooManyRequests);
        group.MapGet("/replays/{jobId}", ProgressAsync)
            .WithSummary("How far a replay is.")
            .Produces<ReplayProgress>()
            .Produces<ErrorResponse>(StatusCodes.Status401Unauthorized)
            .Produces<ErrorResponse>(StatusCodes.Status404NotFound);
    }

    private static async Task<IResult> ReplayOneAsync(
        string id, HttpContext context, EventAccess access, AgentDirectory agents, EventReplayer replayer, TimeProvider time, CancellationToken cancellationToken)
    {
        var (stored, fault) = await access.FindAsync(context, id);
        if (fault is not null)
        {
            return fault;
        }

        if (Probe.Is(stored!.Head))
        {
            return EventFailures.UnknownEvent();
        }

        if (!EventReplayer.CanReplay(stored))
        {
            return new ErrorResult(
                StatusCodes.Status409Conflict, ErrorCodes.EventNotSettled, $"The event is {EventStatuses.Of(stored.State).Name()}: it will be delivered anyway. Replay it when that came to an end.");
        }

        if (await agents.FindAsync(stored.Agent, cancellationToken) is not { } agent)
        {
            return Failures.UnknownRelayId();
        }

        var result = await replayer.ReplayAsync(agent, stored);
        return result.Status == AcceptStatus.QueueFull
            ? new ErrorResult(StatusCodes.Status503ServiceUnavailable, ErrorCodes.QueueFull, "Too much waits for this agent, so nothing was replayed. Try again later.")
            {
                RetryAfter = QueueFullRetry,
            }
            : TypedResults.Json(
                new ReplayResponse
                {
                    Status = EventStatus.Queued.Name(),
                    Id = result.Id.ToString(),
                    RelayId = stored.Agent.Value,
                    ReplayOf = stored.Id.ToString(),
                    Timestamp = time.GetUtcNow().ToUnixTimeMilliseconds(),
                },
                ReplayJson.Default.ReplayResponse,
                statusCode: StatusCodes.Status202Accepted);
    }

    private static async Task<IResult> ReplayManyAsync(
        string relayId, HttpContext context, AgentDirectory agents, ReplayJobs jobs, CancellationToken cancellationToken)
    {
        if (!RelayId.TryParse(relayId, out var agent) || await agents.FindAsync(agent, cancellationToken) is null)
        {
            return Failures.UnknownRelayId();
        }

        var (request, fault) = await JsonBody.ReadAsync(context.Request, ReplayJson.Default.ReplayRequest, MaxRequestBytes, cancellationToken);
        if (fault is not null)
        {
            return fault;
        }

        var (filter, filterFault) = ReplayFilter.Read(request ?? new ReplayRequest());
        if (filterFault is not null)
        {
            return filterFault;
        }

        if (jobs.Start(agent, filter!) is not { } job)
        {
            return new ErrorResult(
                StatusCodes.Status429TooManyRequests, ErrorCodes.RateLimitExceeded, "A replay of this agent runs already, or too many of others do. Try again when it is done.")
            {
                RetryAfter = JobRetry,
            };
        }

        AuditNote.Of(context).Detail = $"{filter!.Status.Name()}, {job.Id}";
        context.Response.Headers.Location = $"/api/v1/replays/{job.Id}";
        return TypedResults.Json(job.Progress, ReplayJson.Default.ReplayProgress, statusCode: StatusCodes.Status202Accepted);
    }

    private static async Task<IResult> ProgressAsync(string jobId, HttpContext context, Access access, ReplayJobs jobs)
    {
        var (admin, agent, fault) = await access.AdmitAsync(context);
        if (fault is not null)
        {
            return fault;
        }

        return jobs.Find(jobId) is { } job && (admin is not null || job.Agent == agent!.Id)
            ? TypedResults.Json(job.Progress, ReplayJson.Default.ReplayProgress)
            : new ErrorResult(StatusCodes.Status404NotFound, ErrorCodes.NotFound, "No replay that you may see has this id on this node, or it ended long ago.");
    }
}
