using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <summary>Warns an operator whose Redis may lose what the relay has answered for. Says each thing once.</summary>
internal sealed partial class RedisSettingsCheck(ILogger<RedisSettingsCheck> logger)
{
    private int _warnedOfPersistence;
    private int _warnedOfEviction;

    public async Task RunAsync(RedisLane lane, CancellationToken cancellationToken)
    {
        if (await ReadAsync(lane, "appendonly", cancellationToken) is "no" && Interlocked.Exchange(ref _warnedOfPersistence, 1) == 0)
        {
            LogNotPersistent(logger);
        }

        if (await ReadAsync(lane, "maxmemory-policy", cancellationToken) is { } policy and not "noeviction"
            && Interlocked.Exchange(ref _warnedOfEviction, 1) == 0)
        {
            LogEvicts(logger, policy);
        }
    }

    /// <returns>Null when Redis will not say: hosted ones often do not.</returns>
    private static async Task<string?> ReadAsync(RedisLane lane, string setting, CancellationToken cancellationToken)
    {
        try
        {
            var answer = (RedisValue[]?)await lane.ExecuteAsync(database => database.ExecuteAsync("CONFIG", "GET", setting), cancellationToken);
            return answer is [_, var value] ? (string?)value : null;
        }
        catch (StoreUnavailableException)
        {
            return null;
        }
    }
}
