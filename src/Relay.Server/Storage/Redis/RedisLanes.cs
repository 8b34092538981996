using Relay.Protocol;
using Relay.Server.Limits;

namespace Relay.Server.Storage.Redis;

/// <summary>The connections to Redis. An agent is always on the same one, so that its calls stay in order. Any thread.</summary>
internal sealed class RedisLanes
{
    /// <summary>
    /// With <c>appendfsync always</c> one connection stands idle during each fsync; what several have sent meanwhile shares the next one, which
    /// about doubles the rate.
    /// </summary>
    private const int Count = 4;

    private readonly RedisLane[] _lanes = [.. Enumerable.Range(0, Count).Select(_ => new RedisLane())];

    public IReadOnlyList<RedisLane> All => _lanes;

    public RedisLane For(RelayId agent) => _lanes[(uint)agent.GetHashCode() % Count];

    public RedisLane For(LimitKey key) => _lanes[(uint)key.GetHashCode() % Count];
}
