using System.Text.Json;

namespace Relay.Server.Operations.Statistics;

/// <summary>What is counted. The names are kept (snake_case): none is renamed.</summary>
internal enum Count
{
    Accepted,

    /// <summary>Sent again with the same idempotency key.</summary>
    Duplicates,

    /// <summary>Refused, because the agent's queue is full.</summary>
    QueueFull,
    Delivered,

    /// <summary>Attempts that the agent gave back.</summary>
    Nacked,

    /// <summary>Attempts that were not acknowledged.</summary>
    Retried,
    Dead,
    Expired,
}

/// <summary>What this node has counted and not yet stored. Counting costs an interlocked addition. Any thread.</summary>
internal sealed class Statistics
{
    private static readonly int FirstLatency = Enum.GetValues<Count>().Length;

    private static readonly string[] Names =
        [.. Enum.GetNames<Count>().Select(JsonNamingPolicy.SnakeCaseLower.ConvertName), .. Enumerable.Range(0, Latencies.Buckets).Select(Latencies.Name)];

    private readonly long[] _counts = new long[Names.Length];

    public static string NameOf(Count count) => Names[(int)count];

    public void Add(Count count) => Interlocked.Increment(ref _counts[(int)count]);

    /// <summary>An event was acknowledged, so long after it was accepted.</summary>
    public void AddDelivered(TimeSpan latency)
    {
        Add(Count.Delivered);
        Interlocked.Increment(ref _counts[FirstLatency + Latencies.BucketOf(latency)]);
    }

    /// <summary>Takes what was counted since the last time, by name; nothing that is 0.</summary>
    public IReadOnlyDictionary<string, long> Take()
    {
        var taken = new Dictionary<string, long>();
        for (var i = 0; i < Names.Length; i++)
        {
            if (Interlocked.Exchange(ref _counts[i], 0) is > 0 and var count)
            {
                taken[Names[i]] = count;
            }
        }

        return taken;
    }

    /// <summary>Brings back what was taken and could not be stored.</summary>
    public void Return(IReadOnlyDictionary<string, long> taken)
    {
        for (var i = 0; i < Names.Length; i++)
        {
            Interlocked.Add(ref _counts[i], taken.GetValueOrDefault(Names[i]));
        }
    }
}
