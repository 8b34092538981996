using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <summary>
/// What goes to Redis in one piece: one call, or several of a script that takes many (<see cref="RedisScript.TakesMany"/>). Guarded by the lane's lock.
/// </summary>
internal sealed class LaneMessage
{
    private const int MostCalls = 128;

    /// <summary>Redis does nothing else while it runs a script.</summary>
    private const long MostBytes = 1 << 20;

    private readonly List<LaneCall> _calls = [];
    private readonly List<RedisKey> _keys = [];
    private readonly Dictionary<string, int> _numbers = [];
    private int _arguments;
    private long _bytes;

    public LaneMessage(RedisLane lane, LaneCall first, int period)
    {
        (Lane, Script, Period) = (lane, first.Script, period);
        Add(first);
    }

    public RedisLane Lane { get; }

    public RedisScript Script { get; }

    /// <summary>Which of the lane's it was sent in.</summary>
    public int Period { get; }

    public IReadOnlyList<LaneCall> Calls => _calls;

    public bool IsFull => !Script.TakesMany || _calls.Count >= MostCalls || _bytes >= MostBytes;

    /// <summary>Takes one more call, if it may go with these.</summary>
    /// <param name="call">One that was made later, and after none for the same key that is not among these or answered.</param>
    public bool TryAdd(LaneCall call)
    {
        if (IsFull || call.Script != Script || _bytes + call.SizeBytes > MostBytes)
        {
            return false;
        }

        Add(call);
        return true;
    }

    public RedisKey[] Keys() => [.. _keys];

    public RedisValue[] Arguments()
    {
        if (!Script.TakesMany)
        {
            return _calls[0].Arguments;
        }

        var all = new RedisValue[(2 * _calls.Count) + _arguments];
        var at = 0;
        foreach (var call in _calls)
        {
            all[at++] = RedisArgument.Of(_numbers[call.Key]);
            all[at++] = RedisArgument.Of(call.Arguments.Length);
            call.Arguments.CopyTo(all, at);
            at += call.Arguments.Length;
        }

        return all;
    }

    private void Add(LaneCall call)
    {
        _calls.Add(call);
        _arguments += call.Arguments.Length;
        _bytes += call.SizeBytes;
        if (!_numbers.ContainsKey(call.Key))
        {
            _keys.Add(call.Key);
            _numbers.Add(call.Key, _keys.Count);
            _keys.Add(RedisKeys.Missing(call.Key));
        }
    }
}
