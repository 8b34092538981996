using Relay.Protocol;

namespace Relay.Server.Delivery;

internal sealed partial class DeliveryPump
{
    [LoggerMessage(1101, LogLevel.Warning, "Event {Event} of {Agent} is given up: {Reason}")]
    private static partial void GivenUp(ILogger logger, EventId @event, RelayId agent, string reason);

    [LoggerMessage(1102, LogLevel.Warning, "The queue of {Agent} could not be read for {Session}; it is tried again: {Cause}")]
    private static partial void FetchFailed(ILogger logger, RelayId agent, SessionId session, string cause);
}
