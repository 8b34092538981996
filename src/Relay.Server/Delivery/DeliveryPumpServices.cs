namespace Relay.Server.Delivery;

/// <summary>What every pump needs.</summary>
internal sealed record DeliveryPumpServices(
    IDeliveryQueue Queue, RetrySchedule Schedule, SenderWaits Waits, TimeProvider Time, ILogger<DeliveryPump> Logger);
