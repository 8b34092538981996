using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <summary>
/// A script call on its way, a link in its lane's list of those that are not answered. Its continuations never run on the thread that
/// answers it, so a slow caller cannot hold up the multiplexer or the lane. All but the task is guarded by the lane's lock.
/// </summary>
internal abstract class LaneCall(RedisScript script, string key, long sizeBytes)
{
    public RedisScript Script => script;

    public string Key => key;

    public long SizeBytes => sizeBytes;

    public LaneCall? Previous { get; set; }

    public LaneCall? Next { get; set; }

    public CallState State { get; set; }

    /// <summary>When it was made, in ms of the machine's own clock: one that a test moves must not fail calls.</summary>
    public long MadeAt { get; } = Environment.TickCount64;

    /// <summary>How often Redis said that it does not know the script.</summary>
    public int Misses { get; set; }

    /// <summary>Which of the answers to its message is its own.</summary>
    public int AnswerNumber { get; set; }

    public abstract void Succeed(RedisResult answer);

    public abstract void Fail(Exception cause);
}

internal enum CallState
{
    /// <summary>Listed: not sent yet, or to be sent again.</summary>
    Held,

    /// <summary>Listed: awaits its answer.</summary>
    Sent,

    /// <summary>Not listed: answered or given up.</summary>
    Ended,
}
