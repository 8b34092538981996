using System.Buffers.Binary;

namespace Relay.Server.Storage.Embedded;

/// <summary>
/// Where the newest idempotency keys were written: 32 bytes each, in segments by age, so that the oldest go at once. What it knows
/// may be wrong, the row says. Outlives a connection. The writer's thread only.
/// </summary>
internal sealed class RecentKeys(int segmentKeys = 65_536)
{
    /// <summary>The oldest first.</summary>
    private readonly List<Segment> _segments = [];

    /// <summary>Added since the last commit.</summary>
    private readonly List<ulong> _added = [];

    /// <summary>The place of the last key that was committed; null before any.</summary>
    public long? Last { get; private set; }

    /// <summary>The place that the key has if it is known.</summary>
    public long? Find(long queue, ReadOnlySpan<byte> key)
    {
        var hash = Hash(queue, key);
        for (var i = _segments.Count - 1; i >= 0; i--)
        {
            if (_segments[i].Places.TryGetValue(hash, out var place)) return place;
        }

        return null;
    }

    /// <summary>A place is higher than all before.</summary>
    public void Add(long queue, ReadOnlySpan<byte> key, long place)
    {
        if (_segments.Count == 0 || _segments[^1].Places.Count == segmentKeys) _segments.Add(new Segment());
        var hash = Hash(queue, key);
        _segments[^1].Places[hash] = place;
        _segments[^1].Last = place;
        _added.Add(hash);
    }

    /// <summary>What was added stays; what came before <paramref name="first"/> is not needed any more.</summary>
    public void Commit(long first)
    {
        if (_added.Count > 0) Last = _segments[^1].Last;
        _added.Clear();
        while (_segments.Count > 0 && _segments[0].Last < first) _segments.RemoveAt(0);
    }

    public void Clear()
    {
        _added.Clear();
        _segments.Clear();
        Last = null;
    }

    public void Rollback()
    {
        foreach (var hash in _added)
        {
            for (var i = _segments.Count - 1; i >= 0; i--)
            {
                if (_segments[i].Places.TryGetValue(hash, out var place) && place > (Last ?? -1) && _segments[i].Places.Remove(hash)) break;
            }
        }

        _added.Clear();
    }

    /// <summary>Keys are hashes already.</summary>
    private static ulong Hash(long queue, ReadOnlySpan<byte> key) =>
        BinaryPrimitives.ReadUInt64LittleEndian(key) ^ ((ulong)queue * 0x9E3779B97F4A7C15);

    private sealed class Segment
    {
        public Dictionary<ulong, long> Places { get; } = [];

        public long Last { get; set; }
    }
}
