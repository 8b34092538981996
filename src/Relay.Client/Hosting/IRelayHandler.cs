namespace Relay.Client;

/// <summary>Handles deliveries in a host; made anew, in its own scope, for every delivery.</summary>
public interface IRelayHandler
{
    /// <summary>Ending acknowledges the delivery, throwing gives it back. The token is cancelled when a stop can wait no longer.</summary>
    Task HandleAsync(RelayDelivery delivery, CancellationToken cancellationToken);
}

/// <summary>Handles deliveries in a host and answers senders that wait; made anew, in its own scope, for every delivery.</summary>
public interface IRelayReplyHandler : IRelayHandler
{
    /// <summary>
    /// Ending acknowledges the delivery and answers its sender with what it returns, or with nothing for null; throwing gives it back. The
    /// token is cancelled when a stop can wait no longer.
    /// </summary>
    Task<RelayReply?> ReplyAsync(RelayDelivery delivery, CancellationToken cancellationToken);

    /// <inheritdoc/>
    Task IRelayHandler.HandleAsync(RelayDelivery delivery, CancellationToken cancellationToken) => ReplyAsync(delivery, cancellationToken);
}
