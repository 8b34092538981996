using System.Net;

namespace Relay.Server.Storage.Redis;

internal sealed partial class RedisSettingsCheck
{
    [LoggerMessage(3010, LogLevel.Warning,
        "Redis at {Server} does not persist its writes (appendonly is off): accepted events are lost when it stops. Set 'appendonly yes'; 'appendfsync always' keeps them through a power cut.")]
    private static partial void LogNotPersistent(ILogger logger, EndPoint server);

    [LoggerMessage(3011, LogLevel.Warning,
        "Redis at {Server} evicts keys when its memory is full (maxmemory-policy {Policy}): accepted events are lost. Set 'maxmemory-policy noeviction'.")]
    private static partial void LogEvicts(ILogger logger, EndPoint server, string policy);

    [LoggerMessage(3013, LogLevel.Warning, "Redis at {Server} is a replica: it takes no writes. Name the primary in Relay:Storage:Redis, or its replicas beside it, or Sentinels.")]
    private static partial void LogReplica(ILogger logger, EndPoint server);

    [LoggerMessage(3014, LogLevel.Warning,
        "Redis at {Server} does not let the relay read its settings (INFO): whether it persists its writes and evicts nothing could not be checked.")]
    private static partial void LogUnchecked(ILogger logger, EndPoint server);

    [LoggerMessage(3015, LogLevel.Warning, "Redis at {Server} is version {Version}: too old. The relay needs Redis 7.0 or newer.")]
    private static partial void LogOld(ILogger logger, EndPoint server, string version);

    [LoggerMessage(3016, LogLevel.Warning,
        "Redis at {Server} leaves it to the operating system when its writes are on disk (appendfsync no): a power cut loses about half a minute of accepted events. Set 'appendfsync always', or 'everysec'.")]
    private static partial void LogNoFsync(ILogger logger, EndPoint server);

    [LoggerMessage(3017, LogLevel.Information,
        "Redis at {Server} writes to disk once a second (appendfsync everysec): a power cut may lose the last second of accepted events. 'appendfsync always' loses none.")]
    private static partial void LogFsyncEverySecond(ILogger logger, EndPoint server);
}
