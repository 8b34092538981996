using Microsoft.Extensions.Options;
using Relay.Protocol;
using Relay.Server.Agents;
using Relay.Server.Connections;
using Relay.Server.Delivery;
using Relay.Server.Http;
using Relay.Server.Limits;

namespace Relay.Server.Ingest;

/// <summary>
/// <c>POST|PUT|PATCH /api/v1/webhook/{relay_id}/{**path}</c>: where events enter. An object with its services rather than a method that is given them: an
/// accepted request then asks for none and needs no scope, and its answer is written without the framework's detour for results.
/// </summary>
internal sealed class WebhookEndpoint(
    AgentDirectory agents,
    WebhookLimits limits,
    SourceGate gate,
    WebhookIntake intake,
    ConnectionRegistry connections,
    IPresence presence,
    IOptions<IngestOptions> options,
    IHostApplicationLifetime lifetime,
    TimeProvider time)
{
    private static readonly TimeSpan QueueFullRetry = TimeSpan.FromSeconds(30);

    private readonly long _maxBodyBytes = options.Value.MaxBodyBytes;

    public async Task AcceptAsync(string relayId, HttpContext context)
    {
        var answer = await AnswerAsync(relayId, context);
        await answer.ExecuteAsync(context);
    }

    private async ValueTask<IResult> AnswerAsync(string relayId, HttpContext context)
    {
        if (!RelayId.TryParse(relayId, out var id) || await agents.FindAsync(id, context.RequestAborted) is not { } agent)
        {
            return Failures.UnknownRelayId();
        }

        if (await limits.CheckAsync(agent, context.Response) is { } refusal)
        {
            return refusal;
        }

        var (body, tooLarge) = await BoundedBody.ReadAsync(context.Request, _maxBodyBytes, context.RequestAborted);
        if (tooLarge)
        {
            return new ErrorResult(
                StatusCodes.Status413PayloadTooLarge, ErrorCodes.BodyTooLarge, $"The body may have at most {_maxBodyBytes} bytes.");
        }

        // The body may have taken minutes, and the agent may be another by now, or be gone.
        agent = await agents.FindAsync(id, context.RequestAborted);
        if (agent is null)
        {
            return Failures.UnknownRelayId();
        }

        if (await gate.CheckAsync(agent, context.Request, body, context.RequestAborted) is { } answer)
        {
            return answer;
        }

        var (result, wait) = await intake.AcceptAsync(agent, context.Request, body);
        using var _ = wait;
        return result.Status switch
        {
            AcceptStatus.Ready or AcceptStatus.Leased when wait is not null && await IsAcknowledgedAsync(agent, wait, context.RequestAborted) =>
                wait.Reply is { } reply ? new AgentReplyResult(reply) : Answer("delivered", StatusCodes.Status200OK, id, result, isConnected: true),
            AcceptStatus.Ready or AcceptStatus.Leased =>
                Answer("queued", StatusCodes.Status202Accepted, id, result, result.IsConnected || connections.IsConnected(id)),
            AcceptStatus.Duplicate => Answer("duplicate", StatusCodes.Status200OK, id, result, await presence.IsConnectedAsync(id)),
            _ => new ErrorResult(
                StatusCodes.Status503ServiceUnavailable, ErrorCodes.QueueFull, "Too much waits for this agent, so nothing was accepted. Send it again later.")
            {
                RetryAfter = QueueFullRetry,
            },
        };
    }

    private async Task<bool> IsAcknowledgedAsync(Agent agent, SenderWait wait, CancellationToken hungUp)
    {
        // The event is accepted: a server that shuts down says so rather than keep the sender waiting.
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(hungUp, lifetime.ApplicationStopping);
        return await intake.IsAcknowledgedAsync(agent, wait, ended.Token);
    }

    private WebhookAnswer Answer(string status, int statusCode, RelayId id, in AcceptResult result, bool isConnected) => new(statusCode, new WebhookResponse
    {
        Status = status,
        Id = result.Id.ToString(),
        RelayId = id.Value,
        AgentConnected = isConnected,
        Timestamp = time.GetUtcNow().ToUnixTimeMilliseconds(),
    });
}
