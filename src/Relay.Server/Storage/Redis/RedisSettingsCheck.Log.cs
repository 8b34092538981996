namespace Relay.Server.Storage.Redis;

internal sealed partial class RedisSettingsCheck
{
    [LoggerMessage(3010, LogLevel.Warning,
        "Redis does not persist its writes (appendonly is off): accepted events are lost when it stops. Set 'appendonly yes'; 'appendfsync always' keeps them through a power cut.")]
    private static partial void LogNotPersistent(ILogger logger);

    [LoggerMessage(3011, LogLevel.Warning,
        "Redis evicts keys when its memory is full (maxmemory-policy {Policy}): accepted events are lost. Set 'maxmemory-policy noeviction'.")]
    private static partial void LogEvicts(ILogger logger, string policy);
}
