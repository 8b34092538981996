namespace Relay.Server.Delivery;

/// <summary>What every pump needs.</summary>
internal sealed record DeliveryPumpServices(
    IDeliveryQueue Queue, RetrySchedule Schedule, TimeProvider Time, ILogger<DeliveryPump> Logger);
