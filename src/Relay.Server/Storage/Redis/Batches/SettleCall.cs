using System.Globalization;
using Relay.Server.Delivery;
using StackExchange.Redis;

namespace Relay.Server.Storage.Redis.Batches;

/// <summary>Settlements of one call, those of events that are kept in batches apart from those that are told of one by one. One caller.</summary>
internal sealed class SettleCall
{
    private const int PerBatch = 4;
    private static readonly Dictionary<EventBatch, InBatch> None = [];

    private readonly IReadOnlyList<Settlement> _all;
    private readonly Dictionary<EventBatch, InBatch> _batches = None;

    /// <summary>Where those of <see cref="Others"/> are among all; null: they are all.</summary>
    private readonly List<int>? _places;

    public SettleCall(IReadOnlyList<Settlement> settlements)
    {
        _all = Others = settlements;
        if (!HasPlaces(settlements))
        {
            return;
        }

        var others = new List<Settlement>();
        (_batches, _places, Others) = ([], [], others);
        for (var i = 0; i < settlements.Count; i++)
        {
            if (settlements[i] is not { Place: BatchPlace place, Reason: null, AnswersSender: true } || !TryAdd(place, i))
            {
                others.Add(settlements[i]);
                _places.Add(i);
            }
        }
    }

    /// <summary>Those that are told of one by one.</summary>
    public IReadOnlyList<Settlement> Others { get; }

    public int BatchCount => _batches.Count;

    public int ArgumentCount => BatchCount * PerBatch;

    /// <summary>What settle.lua is given of batches.</summary>
    public void Write(DateTimeOffset now, Span<RedisValue> to)
    {
        foreach (var (batch, ours) in _batches)
        {
            var ids = new byte[ours.Places.Count * EventId.TextLength];
            for (var i = 0; i < ours.Places.Count; i++)
            {
                _all[ours.Places[i]].Id.Format(ids.AsSpan(i * EventId.TextLength));
            }

            to[0] = batch.Member;
            to[1] = batch.Acknowledge(ours.Numbers, now.ToUnixTimeMilliseconds());
            to[2] = batch.Lease;
            to[3] = ids;
            to = to[PerBatch..];
        }
    }

    /// <summary>What became of each.</summary>
    /// <param name="answers">What settle.lua answers.</param>
    public SettleResult[] Read(RedisValue[] answers)
    {
        var results = new SettleResult[_all.Count];
        var next = 0;
        foreach (var (batch, ours) in _batches)
        {
            var answer = answers[next++];
            var each = answer.IsInteger ? null : ((string)answer!).Split(' ');
            for (var i = 0; i < ours.Places.Count; i++)
            {
                results[ours.Places[i]] = (SettleResult)(each is null ? (int)answer : int.Parse(each[i], CultureInfo.InvariantCulture));
            }

            batch.Stored(each is null ? ours.Numbers : 0);
        }

        for (var i = 0; i < Others.Count; i++)
        {
            results[_places?[i] ?? i] = (SettleResult)(int)answers[next++];
        }

        return results;
    }

    private static bool HasPlaces(IReadOnlyList<Settlement> settlements)
    {
        for (var i = 0; i < settlements.Count; i++)
        {
            if (settlements[i].Place is not null)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>What was acknowledged before, in this call or another, is looked for by its id: it may be forgotten by now.</summary>
    private bool TryAdd(BatchPlace place, int i)
    {
        var number = 1u << place.Number;
        var isKnown = _batches.TryGetValue(place.Batch, out var ours);
        if (((place.Batch.StoredAsAcked | (ours?.Numbers ?? 0)) & number) != 0)
        {
            return false;
        }

        if (!isKnown)
        {
            _batches.Add(place.Batch, ours = new InBatch());
        }

        ours!.Numbers |= number;
        ours.Places.Add(i);
        return true;
    }

    private sealed class InBatch
    {
        /// <summary>A bit for each.</summary>
        public uint Numbers { get; set; }

        /// <summary>Where they are among all.</summary>
        public List<int> Places { get; } = [];
    }
}
