using System.Runtime.InteropServices;

namespace Relay.Server.Limits;

/// <summary>
/// A bucket for each of many keys, full at first, of bounded size: of each key only the time is kept at which its bucket is full again (GCRA).
/// When there are too many, those that are full are forgotten, and if that is not enough all in the same part of the table. Any thread.
/// </summary>
/// <param name="perMinute">How many permits a bucket holds, and a minute brings; 1 or more.</param>
/// <param name="time">The clock.</param>
/// <param name="most">About how many keys are kept.</param>
internal sealed class RateTable<TKey>(int perMinute, TimeProvider time, int most = RateTable<TKey>.UsualSize)
    where TKey : notnull
{
    /// <summary>Some megabytes.</summary>
    private const int UsualSize = 128 << 10;

    private const int Parts = 16;
    private const long Minute = TimeSpan.TicksPerMinute;

    private readonly Dictionary<TKey, long>[] _parts = [.. Enumerable.Range(0, Parts).Select(static _ => new Dictionary<TKey, long>())];
    private readonly long _each = Math.Max(1, Minute / perMinute);
    private readonly long _began = time.GetTimestamp();

    public int PerMinute => perMinute;

    public int Count => _parts.Sum(static part =>
    {
        lock (part)
        {
            return part.Count;
        }
    });

    private long Now => time.GetElapsedTime(_began).Ticks;

    /// <summary>Takes one permit, if there is one.</summary>
    public Permit Take(TKey key)
    {
        var part = PartOf(key);
        lock (part)
        {
            var now = Now;
            ref var fullAt = ref Find(part, key, now, out _);
            var permit = Judge(fullAt, now);
            if (permit.IsGranted)
            {
                fullAt = Math.Max(fullAt, now) + _each;
            }

            return permit;
        }
    }

    /// <summary>Whether there is one; takes none.</summary>
    public Permit Look(TKey key)
    {
        var part = PartOf(key);
        lock (part)
        {
            return Judge(part.GetValueOrDefault(key), Now);
        }
    }

    /// <summary>Takes one permit, whether there is one or not.</summary>
    /// <returns>Whether the key is new here.</returns>
    public bool Charge(TKey key)
    {
        var part = PartOf(key);
        lock (part)
        {
            var now = Now;
            ref var fullAt = ref Find(part, key, now, out var isNew);
            fullAt = Math.Min(Math.Max(fullAt, now) + _each, now + Minute);
            return isNew;
        }
    }

    /// <summary>Takes all permits, and those of the next minute.</summary>
    public void Block(TKey key)
    {
        var part = PartOf(key);
        lock (part)
        {
            var now = Now;
            Find(part, key, now, out _) = now + (2 * Minute);
        }
    }

    /// <summary>Fills the bucket.</summary>
    /// <returns>Whether anything was taken of it.</returns>
    public bool Forget(TKey key)
    {
        var part = PartOf(key);
        lock (part)
        {
            return part.Remove(key);
        }
    }

    private Permit Judge(long fullAt, long now)
    {
        var used = Math.Max(fullAt, now) - now + _each;
        return used <= Minute ? new Permit(true, (Minute - used) / _each, TimeSpan.Zero) : new Permit(false, 0, TimeSpan.FromTicks(used - Minute));
    }

    private Dictionary<TKey, long> PartOf(TKey key) => _parts[((uint)key.GetHashCode() * 2654435769u) >> 28];

    private ref long Find(Dictionary<TKey, long> part, TKey key, long now, out bool isNew)
    {
        if (part.Count >= most / Parts && !part.ContainsKey(key))
        {
            MakeRoom(part, now);
        }

        ref var fullAt = ref CollectionsMarshal.GetValueRefOrAddDefault(part, key, out var exists);
        isNew = !exists;
        return ref fullAt;
    }

    private void MakeRoom(Dictionary<TKey, long> part, long now)
    {
        foreach (var (old, _) in part.Where(item => item.Value <= now))
        {
            part.Remove(old);
        }

        if (part.Count > most / Parts / 2)
        {
            part.Clear();
        }
    }
}
