namespace Relay.Client;

/// <summary>Takes deliveries and runs the handler on them, so many at a time; the outcome settles the delivery.</summary>
/// <param name="inbox">Where deliveries come from.</param>
/// <param name="events">Where a failing handler is told.</param>
/// <param name="handler">The user's; answers what the sender is answered, or null for an ack.</param>
/// <param name="abandon">Cancelled when a handler had its time to finish; every handler's token.</param>
internal sealed class HandlerRunner(
    DeliveryInbox inbox, ClientEvents events, Func<RelayDelivery, CancellationToken, Task<RelayReply?>> handler, CancellationToken abandon)
{
    /// <summary>Ends when there is nothing more to take. Never throws.</summary>
    public Task RunAsync(int concurrency, CancellationToken until) =>
        Task.WhenAll(Enumerable.Range(0, concurrency).Select(_ => Task.Run(() => WorkAsync(until), CancellationToken.None)));

    private async Task WorkAsync(CancellationToken until)
    {
        while (await inbox.TakeAsync(until).ConfigureAwait(false) is { } delivery)
        {
            await HandleAsync(delivery).ConfigureAwait(false);
        }
    }

    private async Task HandleAsync(RelayDelivery delivery)
    {
        try
        {
            var reply = await handler(delivery, abandon).ConfigureAwait(false);
            inbox.Ack(delivery, reply);
        }
        catch (OperationCanceledException) when (abandon.IsCancellationRequested)
        {
            // No nack: it would count as a failed attempt. The closing connection gives the event back.
            inbox.LetGo(delivery);
        }
        catch (Exception exception)
        {
            await delivery.NackAsync(reason: $"{exception.GetType().Name}: {exception.Message}").ConfigureAwait(false);
            events.Raise(new RelayError(RelayErrorKind.HandlerFailed, "The handler threw; the delivery was given back.", delivery.Id, exception));
        }
    }
}
