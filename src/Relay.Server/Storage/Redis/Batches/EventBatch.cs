using System.Globalization;
using System.Numerics;
using System.Text;
using StackExchange.Redis;

namespace Relay.Server.Storage.Redis.Batches;

/// <summary>
/// Events of one agent that Redis keeps as one, leased to one session here, until something but an ack concerns one of them alone: Scripts/batches.lua says
/// how. What is acknowledged of them is known here alone until Redis has it. Any thread.
/// </summary>
/// <param name="member">What it is called in Redis's lists.</param>
/// <param name="lease">Of which handing-out of it this is what is known, as batches.lua has it; empty: of the one with which it was accepted.</param>
/// <param name="sizes">Of each event, head and body, bytes.</param>
internal sealed class EventBatch(RedisValue member, RedisValue lease, int[] sizes)
{
    private readonly Lock _gate = new();

    /// <summary>When each was acknowledged, Unix ms.</summary>
    private long[]? _ackedAt;

    /// <summary>Those that Redis may know to be acknowledged, a bit for each.</summary>
    private uint _acked;

    private volatile uint _stored;

    public RedisValue Member => member;

    public RedisValue Lease => lease;

    /// <summary>Those that Redis has said are acknowledged, a bit for each.</summary>
    public uint StoredAsAcked => _stored;

    /// <summary>Some are acknowledged, if they were not before.</summary>
    /// <param name="numbers">A bit for each.</param>
    /// <param name="at">When, Unix ms.</param>
    /// <returns>What is acknowledged by now, as batches.lua reads it. Said again, it changes nothing.</returns>
    public RedisValue Acknowledge(uint numbers, long at)
    {
        lock (_gate)
        {
            _ackedAt ??= new long[sizes.Length];
            for (var i = 0; i < sizes.Length; i++)
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

    private RedisValue Acknowledged(long[] ackedAt)
    {
        var sizeBytes = 0L;
        for (var left = _acked; left != 0; left &= left - 1)
        {
            sizeBytes += sizes[BitOperations.TrailingZeroCount(left)];
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
