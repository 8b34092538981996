namespace Relay.Server.Storage.Redis;

/// <summary>Writes on every connection. Any thread.</summary>
internal sealed class RedisHealth(RedisLanes lanes, RedisKeys keys, TimeProvider time) : IStoreHealth
{
    public string Kind => "redis";

    public async Task<string?> CheckAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        try
        {
            await Task.WhenAll(lanes.All.Select((lane, number) => lane.RunAsync(RedisScript.Health, keys.Health(number), now))).WaitAsync(cancellationToken);
            return null;
        }
        catch (StoreUnavailableException unavailable)
        {
            return unavailable.Message;
        }
        catch (OperationCanceledException)
        {
            return RedisErrors.NoAnswer;
        }
    }
}
