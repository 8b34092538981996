namespace Relay.Client;

/// <summary>Handles deliveries in a host; made anew, in its own scope, for every delivery.</summary>
public interface IRelayHandler
{
    /// <summary>Ending acknowledges the delivery, throwing gives it back. The token is cancelled when a stop can wait no longer.</summary>
    Task HandleAsync(RelayDelivery delivery, CancellationToken cancellationToken);
}
