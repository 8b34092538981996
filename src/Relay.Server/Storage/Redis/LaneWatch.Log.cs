namespace Relay.Server.Storage.Redis;

internal sealed partial class LaneWatch
{
    [LoggerMessage(3000, LogLevel.Information, "Connection {Number} to Redis is up.")]
    private static partial void LogConnected(ILogger logger, int number);

    [LoggerMessage(3001, LogLevel.Warning, "Connection {Number} to Redis does not answer. Nothing is accepted on it until it does.")]
    private static partial void LogLost(ILogger logger, int number);

    [LoggerMessage(3002, LogLevel.Warning, "Connection {Number} to Redis cannot be made. The server goes on trying and is not ready until it can: {Cause}")]
    private static partial void LogNotThere(ILogger logger, int number, string cause);

    [LoggerMessage(3003, LogLevel.Warning, "Connection {Number} to Redis has been replaced.")]
    private static partial void LogReplaced(ILogger logger, int number);

    [LoggerMessage(3004, LogLevel.Warning, "Looking after connection {Number} to Redis failed. It is tried again.")]
    private static partial void LogFailed(ILogger logger, int number, Exception error);

    [LoggerMessage(3005, LogLevel.Warning, "The Redis of connection {Number} is not the primary any more, and refuses writes. Nothing is accepted on it until the primary is found.")]
    private static partial void LogNoPrimary(ILogger logger, int number);

    [LoggerMessage(3006, LogLevel.Warning, "A primary of the Redis Cluster does not answer on connection {Number}. Nothing is accepted for the agents that it keeps until it or its replica does.")]
    private static partial void LogPartlyLost(ILogger logger, int number);

    [LoggerMessage(3007, LogLevel.Warning, "Connection {Number} to Redis brings no signals. What other nodes accept is delivered seconds later until it does.")]
    private static partial void LogDeaf(ILogger logger, int number);
}
