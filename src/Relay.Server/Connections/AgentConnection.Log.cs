using Relay.Protocol;
using Relay.Server.Delivery;

namespace Relay.Server.Connections;

internal sealed partial class AgentConnection
{
    [LoggerMessage(1201, LogLevel.Information, "{Session} of {Agent} is open: window {Window}, {Pending} pending")]
    private static partial void Opened(ILogger logger, SessionId session, RelayId agent, int window, long pending);

    [LoggerMessage(1202, LogLevel.Information, "{Session} of {Agent} ends: {Reason}")]
    private static partial void Stopped(ILogger logger, SessionId session, RelayId agent, string reason);

    [LoggerMessage(1207, LogLevel.Debug, "{Session}, of which nobody knows whose it was, ends: {Reason}")]
    private static partial void StrangerStopped(ILogger logger, SessionId session, string reason);

    [LoggerMessage(1203, LogLevel.Debug, "{Session} could not be written to: {Cause}")]
    private static partial void SendFailed(ILogger logger, SessionId session, string cause);

    [LoggerMessage(1204, LogLevel.Warning, "{Session} could not be served: {Cause}")]
    private static partial void StoreUnavailable(ILogger logger, SessionId session, string cause);

    [LoggerMessage(1205, LogLevel.Error, "{Session} failed")]
    private static partial void Failed(ILogger logger, Exception exception, SessionId session);
}
