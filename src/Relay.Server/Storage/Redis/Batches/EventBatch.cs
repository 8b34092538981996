using System.Buffers;
using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Unicode;
using StackExchange.Redis;

namespace Relay.Server.Storage.Redis.Batches;

/// <summary>
/// Events of one agent that are accepted in one call, ready or leased to one session, and kept as one until something concerns one of them alone: Scripts/batches.lua
/// says how.
/// <para>TryAdd, Write: under the lane's lock; nothing is added after Write. All else: any thread, after it.</para>
/// </summary>
internal sealed class EventBatch
{
    private const int Fixed = 7;
    private const int MostLineBytes = 128;

    private readonly Lock _gate = new();
    private List<EventCall> _calls;
    private long _sizeBytes;
    private long _oldestMs;
    private long _newestMs;
    private int[] _sizes = [];

    /// <summary>When each was acknowledged, Unix ms.</summary>
    private long[]? _ackedAt;

    /// <summary>Those that Redis may know to be acknowledged, a bit for each.</summary>
    private uint _acked;

    private volatile uint _stored;

    public EventBatch(EventCall first)
    {
        _calls = [];
        _oldestMs = _newestMs = first.Accepted.Id.UnixTimeMilliseconds;
        Add(first);
    }

    /// <summary>One that Redis has.</summary>
    /// <param name="member">What it is called there.</param>
    /// <param name="lease">As batches.lua has it.</param>
    /// <param name="sizes">Of each event, head and body, bytes.</param>
    public EventBatch(RedisValue member, RedisValue lease, int[] sizes)
    {
        _calls = [];
        (Member, Lease, _sizes) = (member, lease, sizes);
    }

    /// <summary>What it is called in Redis's lists.</summary>
    public RedisValue Member { get; private set; }

    /// <summary>Of which handing-out of it this is what is known; empty: of the one with which it was accepted.</summary>
    public RedisValue Lease { get; } = RedisValue.EmptyString;

    /// <summary>Those that Redis has said are acknowledged, a bit for each.</summary>
    public uint StoredAsAcked => _stored;

    /// <summary>Takes one more event, if it may be kept with these.</summary>
    public bool TryAdd(EventCall call)
    {
        var (first, ms) = (_calls[0], call.Accepted.Id.UnixTimeMilliseconds);
        var (oldestMs, newestMs) = (Math.Min(ms, _oldestMs), Math.Max(ms, _newestMs));
        if (_calls.Count >= call.Rules.MaxEvents || _sizeBytes + call.SizeBytes > call.Rules.MaxBytes || newestMs - oldestMs > BatchRules.MostApartMs
            || call.Lease?.Session != first.Lease?.Session || call.Terms != first.Terms)
        {
            return false;
        }

        (_oldestMs, _newestMs) = (oldestMs, newestMs);
        Add(call);
        return true;
    }

    /// <summary>What accept.lua is given.</summary>
    public RedisValue[] Write()
    {
        var (first, oldest, until, hasKeys) = (_calls[0], _calls[0].Accepted.Id, UntilMs(_calls[0]), false);
        var bodies = new byte[_sizeBytes];
        _sizes = new int[_calls.Count];
        for (var (i, at) = (0, 0); i < _calls.Count; at += _sizes[i++])
        {
            var accepted = _calls[i].Accepted;
            accepted.Head.Span.CopyTo(bodies.AsSpan(at));
            accepted.Body.Span.CopyTo(bodies.AsSpan(at + accepted.Head.Length));
            _sizes[i] = (int)accepted.SizeBytes;
            oldest = accepted.Id < oldest ? accepted.Id : oldest;
            until = Math.Min(until, UntilMs(_calls[i]));
            hasKeys |= accepted.IdempotencyKey is not null;
        }

        Member = string.Create(CultureInfo.InvariantCulture, $"{oldest}+{_calls.Count} {_sizeBytes}");
        var arguments = new RedisValue[Fixed + (hasKeys ? _calls.Count : 0)];
        arguments[0] = "batch";
        arguments[1] = Member;
        arguments[2] = first.Terms;
        arguments[3] = first.Lease?.Session.Value ?? "";
        arguments[4] = RedisArgument.Of(until);
        arguments[5] = Index(until);
        arguments[6] = bodies;
        for (var i = Fixed; i < arguments.Length; i++)
        {
            arguments[i] = _calls[i - Fixed].Accepted.IdempotencyKey is { } key ? Convert.ToHexStringLower(key) : RedisValue.EmptyString;
        }

        // Who remembers the place of one event must not hold the bodies of all.
        _calls = [];
        return arguments;
    }

    /// <summary>Some are acknowledged, if they were not before.</summary>
    /// <param name="numbers">A bit for each.</param>
    /// <param name="at">When, Unix ms.</param>
    /// <returns>What is acknowledged by now, as batches.lua reads it. Said again, it changes nothing.</returns>
    public RedisValue Acknowledge(uint numbers, long at)
    {
        lock (_gate)
        {
            _ackedAt ??= new long[_sizes.Length];
            for (var i = 0; i < _sizes.Length; i++)
            {
                if ((numbers & ~_acked & (1u << i)) != 0)
                {
                    _ackedAt[i] = at;
                }
            }

            _acked |= numbers;
            return Acknowledged(_ackedAt);
        }
    }

    /// <summary>They are stored as acknowledged.</summary>
    public void Stored(uint numbers)
    {
        lock (_gate)
        {
            _stored |= numbers;
        }
    }

    private void Add(EventCall call)
    {
        call.Place = new BatchPlace(this, _calls.Count);
        _calls.Add(call);
        _sizeBytes += call.SizeBytes;
    }

    /// <summary>When its lease ends, if it is leased.</summary>
    private static long UntilMs(EventCall call) => call.Lease?.Until.ToUnixTimeMilliseconds() ?? 0;

    /// <param name="until">When the first of the leases ends, Unix ms.</param>
    private byte[] Index(long until)
    {
        var first = _calls[0];
        var index = ArrayPool<byte>.Shared.Rent((_calls.Count + 1) * MostLineBytes);
        Utf8.TryWrite(index, CultureInfo.InvariantCulture, $"{first.Lease?.Session.Value ?? "-"} {first.Rules.DeliveredMs}\n", out var length);
        foreach (var call in _calls)
        {
            var accepted = call.Accepted;
            accepted.Id.Format(index.AsSpan(length));
            length += EventId.TextLength;
            var later = UntilMs(call) - until;
            Utf8.TryWrite(
                index.AsSpan(length), CultureInfo.InvariantCulture,
                $" {accepted.AcceptedAt.ToUnixTimeMilliseconds()} {accepted.Head.Length} {accepted.Body.Length} {later}\n", out var written);
            length += written;
        }

        var exact = index[..length];
        ArrayPool<byte>.Shared.Return(index);
        return exact;
    }

    private RedisValue Acknowledged(long[] ackedAt)
    {
        var sizeBytes = 0L;
        for (var left = _acked; left != 0; left &= left - 1)
        {
            sizeBytes += _sizes[BitOperations.TrailingZeroCount(left)];
        }

        var text = new StringBuilder(64);
        text.Append(CultureInfo.InvariantCulture, $"{BitOperations.PopCount(_acked)} {sizeBytes}");
        for (var left = _acked; left != 0;)
        {
            var at = ackedAt[BitOperations.TrailingZeroCount(left)];
            text.Append(CultureInfo.InvariantCulture, $" {at}:");
            var same = 0u;
            for (var i = 0; i < ackedAt.Length; i++)
            {
                same |= (left & (1u << i)) != 0 && ackedAt[i] == at ? 1u << i : 0;
            }

            if (BitOperations.PopCount(same) == ackedAt.Length)
            {
                text.Append('*');
            }
            else
            {
                for (var one = same; one != 0; one &= one - 1)
                {
                    text.Append(CultureInfo.InvariantCulture, $"{(one == same ? "" : ",")}{BitOperations.TrailingZeroCount(one)}");
                }
            }

            left &= ~same;
        }

        return text.ToString();
    }
}
