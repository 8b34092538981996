using Relay.Protocol;
using Relay.Server.Limits;
using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <summary>A hash for each agent that was sent something in the last minute.</summary>
internal sealed class RedisPermits(RedisLanes lanes, RedisKeys keys) : ISharedPermits
{
    public async Task<TakenPermits> TakeAsync(RelayId agent, int perMinute, int wanted, DateTimeOffset now)
    {
        var answer = (RedisValue[])(await lanes.For(agent).RunAsync(
            RedisScript.TakePermits, keys.Agent(agent), now.ToUnixTimeMilliseconds(), perMinute, wanted, (long)ISharedPermits.HeldFor.TotalMilliseconds))!;
        return new TakenPermits((int)answer[0], (long)answer[1], TimeSpan.FromMilliseconds((long)answer[2]));
    }
}
