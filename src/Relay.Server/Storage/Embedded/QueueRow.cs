namespace Relay.Server.Storage.Embedded;

/// <summary>An agent's queue: who holds the claim, and how much is in it. Mark it with <see cref="QueueTable.Change"/> before changing it.</summary>
internal sealed class QueueRow(long number)
{
    public long Number { get; } = number;

    /// <summary>The session that holds the claim.</summary>
    public string? Session { get; set; }

    public long Ready { get; set; }

    public long Unsettled { get; set; }

    public long UnsettledBytes { get; set; }

    public long Delivered { get; set; }

    public long DeliveredBytes { get; set; }

    /// <summary>Whether it is to be written before the commit.</summary>
    public bool Changed { get; set; }
}
