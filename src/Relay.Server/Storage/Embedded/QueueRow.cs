namespace Relay.Server.Storage.Embedded;

/// <summary>An agent's queue: who holds the claim, and how much is in it. Mark it with <see cref="QueueTable.Change"/> before changing it.</summary>
internal sealed class QueueRow(long number)
{
    public long Number { get; } = number;

    /// <summary>The session that holds the claim.</summary>
    public string? Session { get; set; }

    /// <summary>Events so far.</summary>
    public long Accepted { get; set; }

    public long Ready { get; set; }

    public long Unsettled { get; set; }

    public long UnsettledBytes { get; set; }

    public long Delivered { get; set; }

    public long DeliveredBytes { get; set; }

    /// <summary>Nothing in it is to be forgotten before that time; null: nothing is to be forgotten. What was forgotten to make room may leave it too early.</summary>
    public long? ForgetFrom { get; set; }

    /// <summary>Whether it is to be written before the commit.</summary>
    public bool Changed { get; set; }

    /// <summary>Whether <see cref="ForgetFrom"/> is too, which has an index.</summary>
    public bool ForgetFromChanged { get; set; }
}
