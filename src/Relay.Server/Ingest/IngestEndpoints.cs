using Microsoft.Extensions.Options;
using Relay.Protocol;
using Relay.Server.Agents;
using Relay.Server.Connections;
using Relay.Server.Delivery;
using Relay.Server.Http;
using Relay.Server.Ingest.Sources;
using Relay.Server.Limits;

namespace Relay.Server.Ingest;

/// <summary><c>POST|PUT|PATCH /api/v1/webhook/{relay_id}/{**path}</c>: where events enter.</summary>
internal static class IngestEndpoints
{
    private static readonly string[] Methods = [HttpMethods.Post, HttpMethods.Put, HttpMethods.Patch];
    private static readonly TimeSpan QueueFullRetry = TimeSpan.FromSeconds(30);

    public static IServiceCollection AddIngest(this IServiceCollection services)
    {
        services.AddOptions<IngestOptions>().BindConfiguration(IngestOptions.Section).ValidateOnStart();
        services.AddSingleton<IValidateOptions<IngestOptions>, IngestOptionsValidator>();
        services.AddSources();
        services.AddSingleton<SourceGate>();
        services.AddSingleton<WebhookIntake>();
        return services;
    }

    public static void MapIngest(this IEndpointRouteBuilder routes)
    {
        var group = routes.MapGroup("/api/v1/webhook/{relayId}").WithTags("Webhooks");
        foreach (var pattern in (string[])["", "/{**path}"])
        {
            group.MapChallenges(pattern);
            group.MapMethods(pattern, Methods, AcceptAsync)
                .WithSummary("Accepts any content for an agent; answers when it is stored or, with Prefer: wait=N, when the agent has acknowledged it or replied.")
                .Produces<WebhookResponse>(StatusCodes.Status202Accepted)
                .Produces<WebhookResponse>()
                .Produces<ErrorResponse>(StatusCodes.Status401Unauthorized)
                .Produces<ErrorResponse>(StatusCodes.Status404NotFound)
                .Produces<ErrorResponse>(StatusCodes.Status413PayloadTooLarge)
                .Produces<ErrorResponse>(StatusCodes.Status429TooManyRequests)
                .Produces<ErrorResponse>(StatusCodes.Status503ServiceUnavailable);
        }
    }

    private static async Task<IResult> AcceptAsync(
        string relayId,
        HttpContext context,
        AgentDirectory agents,
        WebhookLimits limits,
        SourceGate gate,
        WebhookIntake intake,
        ConnectionRegistry connections,
        IPresence presence,
        IOptions<IngestOptions> options,
        IHostApplicationLifetime lifetime,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        if (!RelayId.TryParse(relayId, out var id) || await agents.FindAsync(id, cancellationToken) is not { } agent)
        {
            return Failures.UnknownRelayId();
        }

        if (await limits.CheckAsync(agent, context.Response) is { } refusal)
        {
            return refusal;
        }

        var (body, tooLarge) = await BoundedBody.ReadAsync(context.Request, options.Value.MaxBodyBytes, cancellationToken);
        if (tooLarge)
        {
            return new ErrorResult(
                StatusCodes.Status413PayloadTooLarge, ErrorCodes.BodyTooLarge, $"The body may have at most {options.Value.MaxBodyBytes} bytes.");
        }

        // The body may have taken minutes, and the agent may be another by now, or be gone.
        agent = await agents.FindAsync(id, cancellationToken);
        if (agent is null)
        {
            return Failures.UnknownRelayId();
        }

        if (await gate.CheckAsync(agent, context.Request, body, cancellationToken) is { } answer)
        {
            return answer;
        }

        var (result, wait) = await intake.AcceptAsync(agent, context.Request, body);
        using var _ = wait;
        return result.Status switch
        {
            AcceptStatus.Ready or AcceptStatus.Leased when wait is not null && await IsAcknowledgedAsync(wait) =>
                wait.Reply is { } reply ? new AgentReplyResult(reply) : Answer("delivered", StatusCodes.Status200OK, isConnected: true),
            AcceptStatus.Ready or AcceptStatus.Leased =>
                Answer("queued", StatusCodes.Status202Accepted, result.IsConnected || connections.IsConnected(id)),
            AcceptStatus.Duplicate => Answer("duplicate", StatusCodes.Status200OK, await presence.IsConnectedAsync(id)),
            _ => new ErrorResult(
                StatusCodes.Status503ServiceUnavailable, ErrorCodes.QueueFull, "Too much waits for this agent, so nothing was accepted. Send it again later.")
            {
                RetryAfter = QueueFullRetry,
            },
        };

        async Task<bool> IsAcknowledgedAsync(SenderWait wait)
        {
            // The event is accepted: a server that shuts down says so rather than keep the sender waiting.
            using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, lifetime.ApplicationStopping);
            return await intake.IsAcknowledgedAsync(agent, wait, ended.Token);
        }

        WebhookAnswer Answer(string status, int statusCode, bool isConnected) => new(statusCode, new WebhookResponse
        {
            Status = status,
            Id = result.Id.ToString(),
            RelayId = relayId,
            AgentConnected = isConnected,
            Timestamp = time.GetUtcNow().ToUnixTimeMilliseconds(),
        });
    }
}
