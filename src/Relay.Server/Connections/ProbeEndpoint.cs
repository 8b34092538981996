using Relay.Protocol;
using Relay.Server.Agents;
using Relay.Server.Delivery;
using Relay.Server.Http;

namespace Relay.Server.Connections;

/// <summary><c>POST /api/v1/agents/{relay_id}/probe</c>: whether an event would reach the agent now, and how long it takes.</summary>
internal static class ProbeEndpoint
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly AcceptTerms Terms = new(IdempotencyWindow: TimeSpan.Zero, MaxQueuedEvents: long.MaxValue, MaxQueuedBytes: long.MaxValue, Lease: null);

    public static void MapProbe(this IEndpointRouteBuilder routes) =>
        routes.MapPost("/api/v1/agents/{relayId}/probe", ProbeAsync)
            .WithTags("Agents")
            .AddEndpointFilter<AdminOrAgentFilter>()
            .WithSummary("Sends a canary through queue, socket and ack: ok and its time, timeout, or not_connected.")
            .Produces<ProbeResponse>()
            .Produces<ErrorResponse>(StatusCodes.Status401Unauthorized)
            .Produces<ErrorResponse>(StatusCodes.Status404NotFound);

    private static async Task<IResult> ProbeAsync(
        string relayId,
        AgentDirectory agents,
        ConnectionRegistry connections,
        IPresence presence,
        EventIdSource ids,
        SenderWaits waits,
        IDeliveryQueue queue,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        if (!RelayId.TryParse(relayId, out var agent) || await agents.FindAsync(agent, cancellationToken) is null)
        {
            return Failures.UnknownRelayId();
        }

        var connection = connections.Pick(agent);
        if (connection is null && !await presence.IsConnectedAsync(agent))
        {
            return Answer("not_connected", null);
        }

        var began = time.GetTimestamp();
        var id = ids.Next();
        using var wait = waits.Begin(id, Patience);
        var probe = Probe.For(agent, id, time.GetUtcNow()) with { ReplyBy = wait.Until };
        await (connection is null ? queue.AcceptAsync(probe, Terms) : connection.Pump.AcceptAsync(probe, Terms));
        if (await wait.WaitAsync(time, cancellationToken))
        {
            return Answer("ok", time.GetElapsedTime(began));
        }

        // Nobody waits for it any more, so it must not wait in the queue either. If it is delivered, only the news of that was lost.
        var ended = await queue.SettleAsync(agent, [new Settlement(id, SettlementKind.Ack, SessionId.PollOf(agent), AttemptOutcome.TimedOut)], time.GetUtcNow());
        return ended[0] == SettleResult.AlreadyDelivered ? Answer("ok", time.GetElapsedTime(began)) : Answer("timeout", null);

        static IResult Answer(string status, TimeSpan? duration) => TypedResults.Json(
            new ProbeResponse { Status = status, DurationMs = duration?.TotalMilliseconds }, ApiJson.Default.ProbeResponse);
    }
}
