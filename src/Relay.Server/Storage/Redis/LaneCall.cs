using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <summary>
/// A script call on its way, a link in its lane's list of those that are not answered. Its continuations never run on the thread that
/// answers it, so a slow caller cannot hold up the multiplexer or the lane. All but the task is guarded by the lane's lock.
/// </summary>
internal sealed class LaneCall(RedisLane lane, RedisScript script, RedisKey[] keys, RedisValue[] arguments)
    : TaskCompletionSource<RedisResult>(TaskCreationOptions.RunContinuationsAsynchronously)
{
    public RedisLane Lane => lane;

    public RedisScript Script => script;

    public RedisKey[] Keys => keys;

    public RedisValue[] Arguments => arguments;

    public LaneCall? Previous { get; set; }

    public LaneCall? Next { get; set; }

    /// <summary>False once it is answered or given up: it is then no longer in the list.</summary>
    public bool IsListed { get; set; }

    /// <summary>When it was made, in ms of the machine's own clock: one that a test moves must not fail calls.</summary>
    public long MadeAt { get; } = Environment.TickCount64;

    /// <summary>Which of the lane's connections it was last sent on.</summary>
    public int Connection { get; set; }

    /// <summary>How often Redis said that it does not know the script.</summary>
    public int Misses { get; set; }
}
