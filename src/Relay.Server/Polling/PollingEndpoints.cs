using System.Buffers;
using System.Globalization;
using Microsoft.AspNetCore.Http.Features;
using Relay.Protocol;
using Relay.Server.Agents;
using Relay.Server.Delivery;
using Relay.Server.Http;

namespace Relay.Server.Polling;

/// <summary><c>GET /api/v1/pending/{relay_id}</c>, and ack and nack by HTTP: for agents that are not always on.</summary>
internal static class PollingEndpoints
{
    private const int DefaultLimit = 100;
    private const int MaxLimit = 1000;
    private const int MaxNackBytes = 16 << 10;
    private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(60);

    public static IServiceCollection AddPolling(this IServiceCollection services) => services.AddSingleton<EventPoller>();

    public static void MapPolling(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/v1").WithTags("Polling").AddEndpointFilter<AgentFilter>();
        group.MapGet("/pending/{relayId}", PollAsync)
            .WithSummary("Leases what is due to the agent, waiting up to wait seconds; ack=true acknowledges it on return.")
            .Produces(StatusCodes.Status200OK)
            .Produces<ErrorResponse>(StatusCodes.Status400BadRequest)
            .Produces<ErrorResponse>(StatusCodes.Status401Unauthorized);
        group.MapDelete("/events/{relayId}/{id}", AckAsync)
            .WithSummary("Acknowledges an event.")
            .Produces<SettledResponse>()
            .Produces<ErrorResponse>(StatusCodes.Status404NotFound);
        group.MapPost("/events/{relayId}/{id}/nack", NackAsync)
            .WithSummary("Gives back an event that a poll leased.")
            .Accepts<NackRequest>(isOptional: true, "application/json")
            .Produces<SettledResponse>()
            .Produces<ErrorResponse>(StatusCodes.Status404NotFound)
            .Produces<ErrorResponse>(StatusCodes.Status409Conflict);
    }

    private static async Task<IResult> PollAsync(
        HttpContext context, string? limit, string? wait, string? ack, EventPoller poller, IHostApplicationLifetime lifetime, TimeProvider time)
    {
        if (!TryParse(limit, DefaultLimit, 1, MaxLimit, out var count))
        {
            return Failures.Invalid($"limit is a number from 1 to {MaxLimit}.");
        }

        if (!TryParse(wait, 0, 0, (int)MaxWait.TotalSeconds, out var seconds))
        {
            return Failures.Invalid($"wait is a number of seconds from 0 to {MaxWait.TotalSeconds}.");
        }

        if (!bool.TryParse(ack ?? "false", out var acknowledges))
        {
            return Failures.Invalid("ack is true or false.");
        }

        var agent = context.Features.GetRequiredFeature<Agent>();
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, lifetime.ApplicationStopping);
        var leased = await poller.LeaseAsync(agent, count, TimeSpan.FromSeconds(seconds), ended.Token);
        if (context.RequestAborted.IsCancellationRequested)
        {
            await poller.ReleaseAsync(agent, leased);
            return Results.Empty;
        }

        if (acknowledges && leased.Count > 0)
        {
            await poller.AckAsync(agent, leased.Select(static item => item.Id));
        }

        return new PendingResult(leased, agent, time.GetUtcNow());
    }

    private static async Task<IResult> AckAsync(string id, HttpContext context, EventPoller poller) =>
        EventId.TryParse(id, out var eventId) && await poller.AckAsync(context.Features.GetRequiredFeature<Agent>(), eventId)
            ? TypedResults.Json(new SettledResponse { Status = "acknowledged", Id = id }, ApiJson.Default.SettledResponse)
            : UnknownEvent();

    private static async Task<IResult> NackAsync(string id, HttpContext context, EventPoller poller)
    {
        var (request, fault) = await JsonBody.ReadAsync(context.Request, ApiJson.Default.NackRequest, MaxNackBytes, context.RequestAborted);
        if (fault is not null)
        {
            return fault;
        }

        if (request?.RetryAfterMs is < 0 || request?.RetryAfterMs > TimeSpan.FromDays(7).TotalMilliseconds)
        {
            return Failures.Invalid("retry_after_ms is from 0 to 604800000.");
        }

        if (!EventId.TryParse(id, out var eventId))
        {
            return UnknownEvent();
        }

        var agent = context.Features.GetRequiredFeature<Agent>();
        if (request?.Release == true)
        {
            return request is { Reason: null, RetryAfterMs: null, DeadLetter: null }
                ? Settled(await poller.ReleaseAsync(agent, eventId), id, "released")
                : Failures.Invalid("release is given alone: the event is due at once and nothing is counted.");
        }

        var retryAfter = request?.RetryAfterMs is { } ms ? TimeSpan.FromMilliseconds(ms) : (TimeSpan?)null;
        return Settled(await poller.NackAsync(agent, eventId, request?.Reason, retryAfter, request?.DeadLetter ?? false), id, "nacked");
    }

    private static IResult Settled(SettleResult result, string id, string status) => result switch
    {
        SettleResult.Settled => TypedResults.Json(new SettledResponse { Status = status, Id = id }, ApiJson.Default.SettledResponse),
        SettleResult.Unknown => UnknownEvent(),
        _ => new ErrorResult(
            StatusCodes.Status409Conflict, ErrorCodes.NotInFlight, "No poll of this agent holds the event now. It was settled, its lease is over, or a connection has it."),
    };

    private static ErrorResult UnknownEvent() =>
        new(StatusCodes.Status404NotFound, ErrorCodes.UnknownEvent, "No event of this agent has this id, or it is no longer kept.");

    private static bool TryParse(string? text, int otherwise, int least, int most, out int value)
    {
        value = otherwise;
        return text is null || (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value >= least && value <= most);
    }

    /// <summary><c>{"count":n,"events":[…]}</c>: each event is a webhook frame, signed now, with <c>event_id</c> and <c>created_at</c> besides.</summary>
    private sealed class PendingResult(IReadOnlyList<LeasedEvent> leased, Agent agent, DateTimeOffset now) : IResult
    {
        public async Task ExecuteAsync(HttpContext httpContext)
        {
            httpContext.Response.ContentType = "application/json; charset=utf-8";
            using var json = new PooledBufferWriter(4096);
            using var frame = new PooledBufferWriter(4096);
            WriteText(json, $"{{\"count\":{leased.Count},\"events\":[");
            for (var i = 0; i < leased.Count; i++)
            {
                var item = leased[i];
                WriteText(json, $"{(i > 0 ? "," : "")}{{\"event_id\":\"{item.Id}\",\"created_at\":{item.AcceptedAt.ToUnixTimeMilliseconds()},");
                frame.Clear();
                WebhookFrame.Write(frame, item.ToParts(now), agent.SigningKeys(now));
                json.Write(frame.WrittenSpan[1..]);
                await httpContext.Response.Body.WriteAsync(json.WrittenMemory, httpContext.RequestAborted);
                json.Clear();
            }

            json.Write("]}"u8);
            await httpContext.Response.Body.WriteAsync(json.WrittenMemory, httpContext.RequestAborted);
        }

        private static void WriteText(PooledBufferWriter output, string text) =>
            output.Advance(System.Text.Encoding.ASCII.GetBytes(text, output.GetSpan(text.Length)));
    }
}
