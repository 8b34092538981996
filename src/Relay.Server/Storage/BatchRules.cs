using Relay.Server.Delivery;

namespace Relay.Server.Storage;

/// <summary>
/// Which events a store keeps in batches, and how large these may be. What is accepted together for a connection that has room is acknowledged
/// together too, nearly always: as long as nothing but acks concerns one of them alone they are one thing for the store.
/// </summary>
internal sealed class BatchRules
{
    /// <summary>As many as a mask has bits.</summary>
    public const int MostEvents = 32;

    /// <summary>Between the oldest id of a batch and the newest: who looks for the batch of an event looks through those of so long before it.</summary>
    public const long MostApartMs = 20;

    /// <summary>The store does nothing else while it makes a batch's events ones of their own.</summary>
    private const long MostBytes = 64 << 10;

    /// <summary>A batch of delivered events is forgotten as a whole: what is kept of them is less than may be by at most this part.</summary>
    private const int PartOfKept = 31;

    public BatchRules(DeliveryOptions delivery)
    {
        var keeps = delivery.DeliveredRetention > TimeSpan.Zero && delivery.DeliveredKept > 0;
        MaxEvents = keeps ? Math.Clamp(delivery.DeliveredKept / PartOfKept, 1, MostEvents) : MostEvents;
        MaxBytes = keeps ? Math.Min(delivery.DeliveredKeptBytes / PartOfKept, MostBytes) : MostBytes;
        DeliveredMs = keeps ? (long)delivery.DeliveredRetention.TotalMilliseconds : 0;
    }

    public int MaxEvents { get; }

    /// <summary>Of more than one event.</summary>
    public long MaxBytes { get; }

    /// <summary>For how long a delivered one is kept.</summary>
    public long DeliveredMs { get; }

    /// <summary>Whether an event may be kept in a batch: not if anything but its ack, its failure or its end may concern it alone.</summary>
    public static bool Takes(NewEvent accepted) => accepted is { OrderingKey: null, ReplyBy: null } && accepted.SizeBytes <= MostBytes;
}
