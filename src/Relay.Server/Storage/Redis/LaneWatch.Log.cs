namespace Relay.Server.Storage.Redis;

internal sealed partial class LaneWatch
{
    [LoggerMessage(3000, LogLevel.Information, "Connection {Number} to Redis is up.")]
    private static partial void LogConnected(ILogger logger, int number);

    [LoggerMessage(3001, LogLevel.Warning, "Connection {Number} to Redis does not answer. Nothing is accepted on it until it does.")]
    private static partial void LogLost(ILogger logger, int number);

    [LoggerMessage(3002, LogLevel.Warning, "Redis cannot be reached (connection {Number}). The server goes on trying and is not ready until it can.")]
    private static partial void LogNotThere(ILogger logger, int number);

    [LoggerMessage(3003, LogLevel.Warning, "Connection {Number} to Redis was dead and has been replaced.")]
    private static partial void LogReplaced(ILogger logger, int number);

    [LoggerMessage(3004, LogLevel.Warning, "Looking after connection {Number} to Redis failed. It is tried again.")]
    private static partial void LogFailed(ILogger logger, int number, Exception error);
}
