using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Relay.Protocol;

namespace Relay.Client;

/// <summary>
/// The way from the read loop to the consumer: checked, not twice, and bounded by the window. The channel has room for two windows, so
/// that a server that keeps to its one never makes the read loop wait: as many that came again may have been settled before they were
/// taken. Accept, WaitForRoomAsync and LetGoUntaken: the connection's loop. TakeAsync: any thread.
/// </summary>
internal sealed class DeliveryInbox(ClientSettings settings, DeliveryLedger ledger, SignatureCheck check, Func<ConsumerKind> consumer, ILogger log)
{
    private readonly Channel<RelayDelivery> _queue = Channel.CreateBounded<RelayDelivery>(settings.Window * 2);

    /// <summary>Answers the delivery if there is no room for it: <see cref="WaitForRoomAsync"/> with it, then read on.</summary>
    public RelayDelivery? Accept(WebhookMessage message)
    {
        if (check.Fault(message) is { } fault)
        {
            ledger.Reject(message.Id, fault);
            return null;
        }

        var delivery = new RelayDelivery(message, ledger);
        if (!ledger.TryOpen(delivery, showHeldAgain: consumer() == ConsumerKind.Enumeration))
        {
            log.ShownBefore(message.Id);
            return null;
        }

        return _queue.Writer.TryWrite(delivery) ? null : delivery;
    }

    public async ValueTask WaitForRoomAsync(RelayDelivery delivery, CancellationToken cancellationToken)
    {
        try
        {
            await _queue.Writer.WriteAsync(delivery, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            ledger.LetGo(delivery);
            throw;
        }
    }

    /// <summary>The next delivery; null when there will be none or the wait was cancelled.</summary>
    public async ValueTask<RelayDelivery?> TakeAsync(CancellationToken cancellationToken)
    {
        try
        {
            while (!cancellationToken.IsCancellationRequested)
            {
                if (_queue.Reader.TryRead(out var delivery))
                {
                    if (ledger.TryHold(delivery))
                    {
                        return delivery;
                    }
                }
                else if (!await _queue.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false))
                {
                    break;
                }
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The caller knows, it cancelled.
        }

        return null;
    }

    /// <inheritdoc cref="DeliveryLedger.Ack"/>
    public void Ack(RelayDelivery delivery, RelayReply? reply) => ledger.Ack(delivery, reply);

    /// <inheritdoc cref="DeliveryLedger.LetGo"/>
    public void LetGo(RelayDelivery delivery) => ledger.LetGo(delivery);

    /// <summary>What nobody took goes back to the server with its connection.</summary>
    public void LetGoUntaken()
    {
        while (_queue.Reader.TryRead(out var delivery))
        {
            ledger.LetGo(delivery);
        }
    }

    public void Complete() => _queue.Writer.TryComplete();
}
