using Relay.Server.Storage.Redis.Batches;
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

    /// <summary>What Redis is asked for, with an answer each: a call, or a batch of some.</summary>
    private readonly List<(string Key, ScriptCall? Call, BatchDraft? Batch)> _parts = [];

    /// <summary>Of each agent whose last part is a batch, which that is.</summary>
    private Dictionary<string, int>? _open;
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
            return _parts[0].Call!.Arguments;
        }

        var each = _parts.ConvertAll(static part => part.Batch?.Write() ?? part.Call!.Arguments);
        var all = new RedisValue[each.Sum(static arguments => 2 + arguments.Length)];
        var at = 0;
        for (var i = 0; i < each.Count; i++)
        {
            all[at++] = RedisArgument.Of(_numbers[_parts[i].Key]);
            all[at++] = RedisArgument.Of(each[i].Length);
            each[i].CopyTo(all, at);
            at += each[i].Length;
        }

        return all;
    }

    private void Add(LaneCall call)
    {
        _calls.Add(call);
        _bytes += call.SizeBytes;
        AddPart(call);
        if (!_numbers.ContainsKey(call.Key))
        {
            _keys.Add(call.Key);
            _numbers.Add(call.Key, _keys.Count);
            _keys.Add(RedisKeys.Missing(call.Key));
        }
    }

    private void AddPart(LaneCall call)
    {
        call.AnswerNumber = _parts.Count;
        if (call is ScriptCall own)
        {
            _parts.Add((call.Key, own, null));
            _open?.Remove(call.Key);
            return;
        }

        var accept = (EventCall)call;
        if (_open is not null && _open.TryGetValue(call.Key, out var last) && _parts[last].Batch!.TryAdd(accept))
        {
            call.AnswerNumber = last;
            return;
        }

        (_open ??= [])[call.Key] = _parts.Count;
        _parts.Add((call.Key, null, new BatchDraft(accept)));
    }
}
