namespace Relay.Client;

/// <summary>Where a delivery came from and is settled: the connection's ledger, or a poll.</summary>
internal interface IDeliveryOwner
{
    bool IsSettled(RelayDelivery delivery);

    ValueTask AckAsync(RelayDelivery delivery, RelayReply? reply);

    ValueTask NackAsync(RelayDelivery delivery, TimeSpan? delay, string? reason, bool deadLetter);

    ValueTask ExtendAsync(RelayDelivery delivery);
}
