using System.Collections.Concurrent;
using System.Net;
using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <summary>Warns an operator whose Redis may lose what the relay has answered for, or is none that it can use. Says each thing of each server once.</summary>
internal sealed partial class RedisSettingsCheck(ILogger<RedisSettingsCheck> logger)
{
    private const int OldestMajor = 7;
    private readonly ConcurrentDictionary<(EndPoint Server, int Warning), byte> _said = [];

    public async Task RunAsync(RedisLane lane, CancellationToken cancellationToken)
    {
        if (lane.Multiplexer is { } multiplexer)
        {
            await Task.WhenAll(RedisServers.Of(multiplexer).Where(static server => server.IsConnected).Select(server => CheckAsync(server, cancellationToken)));
        }
    }

    private async Task CheckAsync(IServer server, CancellationToken cancellationToken)
    {
        var at = server.EndPoint;
        try
        {
            var info = (await server.InfoAsync().WaitAsync(RedisLane.CallLimit, cancellationToken))
                .SelectMany(static section => section).GroupBy(static line => line.Key).ToDictionary(static line => line.Key, static line => line.First().Value);
            CheckVersion(at, info.GetValueOrDefault("redis_version", ""));
            CheckPersistence(at, info, await ReadAsync(server, "appendfsync", cancellationToken));
            if (info.GetValueOrDefault("maxmemory_policy") is { } policy && policy != "noeviction" && IsNews(at, 3011))
            {
                LogEvicts(logger, at, policy);
            }

            if (server.ServerType == ServerType.Standalone && info.GetValueOrDefault("role") == "slave" && IsNews(at, 3013))
            {
                LogReplica(logger, at);
            }
        }
        catch (RedisServerException) when (IsNews(at, 3014))
        {
            LogUnchecked(logger, at);
        }
        catch (Exception error) when (error is RedisException or TimeoutException or ObjectDisposedException)
        {
            // Said before, or it is gone; the next connection asks again.
        }
    }

    private void CheckVersion(EndPoint at, string version)
    {
        if (Version.TryParse(version, out var parsed) && parsed.Major < OldestMajor && IsNews(at, 3015))
        {
            LogOld(logger, at, version);
        }
    }

    private void CheckPersistence(EndPoint at, Dictionary<string, string> info, string? fsync)
    {
        if (info.GetValueOrDefault("aof_enabled") == "0")
        {
            if (IsNews(at, 3010))
            {
                LogNotPersistent(logger, at);
            }
        }
        else if (fsync == "no" && IsNews(at, 3016))
        {
            LogNoFsync(logger, at);
        }
        else if (fsync is "everysec" && IsNews(at, 3017))
        {
            LogFsyncEverySecond(logger, at);
        }
    }

    private bool IsNews(EndPoint at, int warning) => _said.TryAdd((at, warning), 0);

    /// <returns>Null when Redis will not say: hosted ones often do not.</returns>
    private static async Task<string?> ReadAsync(IServer server, string setting, CancellationToken cancellationToken)
    {
        try
        {
            var found = await server.ConfigGetAsync(setting).WaitAsync(RedisLane.CallLimit, cancellationToken);
            return found is [var (_, value)] ? value : null;
        }
        catch (RedisServerException)
        {
            return null;
        }
    }
}
