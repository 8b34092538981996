using System.Buffers;
using System.Globalization;
using System.Text.Unicode;
using StackExchange.Redis;

namespace Relay.Server.Storage.Redis.Batches;

/// <summary>Events of one agent that go to Redis in one call, to be kept as one: ready, or leased to one session. Guarded by the lane's lock; nothing is added after Write.</summary>
internal sealed class BatchDraft
{
    private const int Fixed = 7;
    private const int MostLineBytes = 128;

    private readonly List<EventCall> _calls = [];
    private long _sizeBytes;
    private long _oldestMs = long.MaxValue;
    private long _newestMs = long.MinValue;

    public BatchDraft(EventCall first) => Add(first, first.Accepted.Id.UnixTimeMilliseconds);

    /// <summary>Takes one more event, if it may be kept with these.</summary>
    public bool TryAdd(EventCall call)
    {
        var (first, ms) = (_calls[0], call.Accepted.Id.UnixTimeMilliseconds);
        if (_calls.Count >= call.Rules.MaxEvents || _sizeBytes + call.SizeBytes > call.Rules.MaxBytes
            || Math.Max(ms, _newestMs) - Math.Min(ms, _oldestMs) > BatchRules.MostApartMs
            || call.Lease?.Session != first.Lease?.Session || call.Terms != first.Terms)
        {
            return false;
        }

        Add(call, ms);
        return true;
    }

    /// <summary>What accept.lua is given. Tells each call its place.</summary>
    public RedisValue[] Write()
    {
        var (first, oldest, until, hasKeys) = (_calls[0], _calls[0].Accepted.Id, UntilMs(_calls[0]), false);
        var bodies = new byte[_sizeBytes];
        var sizes = new int[_calls.Count];
        for (var (i, at) = (0, 0); i < _calls.Count; at += sizes[i++])
        {
            var accepted = _calls[i].Accepted;
            accepted.Head.Span.CopyTo(bodies.AsSpan(at));
            accepted.Body.Span.CopyTo(bodies.AsSpan(at + accepted.Head.Length));
            sizes[i] = (int)accepted.SizeBytes;
            oldest = accepted.Id < oldest ? accepted.Id : oldest;
            until = Math.Min(until, UntilMs(_calls[i]));
            hasKeys |= accepted.IdempotencyKey is not null;
        }

        var batch = new EventBatch(string.Create(CultureInfo.InvariantCulture, $"{oldest}+{_calls.Count} {_sizeBytes}"), RedisValue.EmptyString, sizes);
        var arguments = new RedisValue[Fixed + (hasKeys ? _calls.Count : 0)];
        arguments[0] = "batch";
        arguments[1] = batch.Member;
        arguments[2] = first.Terms;
        arguments[3] = first.Lease?.Session.Value ?? "";
        arguments[4] = RedisArgument.Of(until);
        arguments[5] = Index(until);
        arguments[6] = bodies;
        for (var i = Fixed; i < arguments.Length; i++)
        {
            arguments[i] = _calls[i - Fixed].Accepted.IdempotencyKey is { } key ? Convert.ToHexStringLower(key) : RedisValue.EmptyString;
        }

        for (var i = 0; i < _calls.Count; i++)
        {
            _calls[i].Place = new BatchPlace(batch, i);
        }

        return arguments;
    }

    private void Add(EventCall call, long ms)
    {
        _calls.Add(call);
        _sizeBytes += call.SizeBytes;
        (_oldestMs, _newestMs) = (Math.Min(ms, _oldestMs), Math.Max(ms, _newestMs));
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
}
