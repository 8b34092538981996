using Microsoft.Extensions.Options;
using Relay.Server.Agents;
using Relay.Server.Connections;
using Relay.Server.Delivery;
using Relay.Server.HttpFallback;
using Relay.Server.Storage;

namespace Relay.Server.Ingest;

/// <summary>Takes one webhook into the queue: through the agent's own connection if it is here and has room, else straight.</summary>
internal sealed class WebhookIntake(
    IDeliveryQueue queue,
    ConnectionRegistry connections,
    EventIdSource ids,
    SenderWaits waits,
    HttpDeliveries httpDeliveries,
    IOptions<IngestOptions> ingest,
    TimeProvider time)
{
    private readonly bool _deduplicates = ingest.Value.IdempotencyWindow > TimeSpan.Zero;

    /// <summary>
    /// Takes what the agent's source, if it has one, was seen to have signed. Returns when the event is durable. Not cancelled when the
    /// sender hangs up: what was begun is finished.
    /// </summary>
    /// <returns>What was accepted, and the sender's wait if it asked for one; the caller disposes it.</returns>
    public async Task<(AcceptResult Result, SenderWait? Wait)> AcceptAsync(Agent agent, HttpRequest request, byte[] body)
    {
        var key = _deduplicates ? IdempotencyKey.Find(request.Headers, agent.Source?.FindEventId(body)) : null;
        var accepted = new NewEvent(ids.Next(), agent.Id, time.GetUtcNow(), EventHead.Write(request, agent.Id, agent.Source?.Type), body, key);
        var duration = PreferWait.Find(request.Headers) ?? agent.Policy.SenderWait;
        var wait = duration > TimeSpan.Zero ? waits.Begin(accepted.Id, duration) : null;
        accepted = wait is null ? accepted : accepted with { ReplyBy = wait.Until };
        try
        {
            return (await StoreAsync(agent, accepted), wait);
        }
        catch
        {
            wait?.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Waits for the ack. News of it may be lost on its way from another node, so at the end the event itself is looked at, once.
    /// </summary>
    /// <returns>Whether the event is delivered.</returns>
    public async Task<bool> IsAcknowledgedAsync(Agent agent, SenderWait wait, CancellationToken cancellationToken)
    {
        if (await wait.WaitAsync(time, cancellationToken))
        {
            return true;
        }

        try
        {
            return queue.LosesSignals && !cancellationToken.IsCancellationRequested && await queue.FindAsync(agent.Id, wait.Id) is { State: EventState.Delivered };
        }
        catch (StoreUnavailableException)
        {
            // It is accepted, and that is all that is known.
            return false;
        }
    }

    /// <summary>Takes what was accepted before once more, as a new event on the same terms.</summary>
    public Task<AcceptResult> RepeatAsync(Agent agent, ReadOnlyMemory<byte> head, ReadOnlyMemory<byte> body) =>
        StoreAsync(agent, new NewEvent(ids.Next(), agent.Id, time.GetUtcNow(), head, body, IdempotencyKey: null));

    private Task<AcceptResult> StoreAsync(Agent agent, NewEvent accepted)
    {
        var terms = new AcceptTerms(ingest.Value.IdempotencyWindow, agent.Policy.MaxQueuedEvents, agent.Policy.MaxQueuedBytes, Lease: null);
        if (agent.Policy.OrderingKey is { } place)
        {
            accepted = accepted with { OrderingKey = OrderingKey.Find(place, accepted.Head, accepted.Body) };
        }

        var stored = connections.Pick(agent.Id) is { } connection ? connection.Pump.AcceptAsync(accepted, terms) : queue.AcceptAsync(accepted, terms);
        return agent.HttpEndpoint is null ? stored : WatchAsync(agent, stored);
    }

    /// <summary>Sees to it that the event is posted to the agent's endpoint if no connection is handed it.</summary>
    private async Task<AcceptResult> WatchAsync(Agent agent, Task<AcceptResult> stored)
    {
        var result = await stored;
        if (result.Status != AcceptStatus.QueueFull)
        {
            // Also for a duplicate: its first may have been stored and not answered, because this failed.
            await httpDeliveries.WatchAsync(agent.Id);
        }

        return result;
    }
}
