namespace Relay.Server.Delivery;

/// <summary>
/// Who may push next. A ticket is taken at the moment the queue is asked, and its turn comes when the tickets before it have had
/// theirs: so the order of the queue is the order on the socket, although answers are awaited side by side. Guarded by its owner.
/// </summary>
internal sealed class PushOrder
{
    private readonly Queue<PushTicket> _tickets = new();

    public bool IsEmpty => _tickets.Count == 0;

    /// <param name="slots">Room that is reserved in the window.</param>
    /// <param name="deadline">Until when what it gets is leased.</param>
    public PushTicket Take(int slots, DateTimeOffset deadline)
    {
        var ticket = new PushTicket(slots, deadline);
        _tickets.Enqueue(ticket);
        return ticket;
    }

    /// <summary>Takes out the first ticket if its answer is there: its turn has come.</summary>
    public PushTicket? Next() => _tickets.TryPeek(out var first) && first.Events is not null ? _tickets.Dequeue() : null;
}

/// <summary>A place in the order of pushing.</summary>
internal sealed class PushTicket(int slots, DateTimeOffset deadline)
{
    public int Slots { get; } = slots;

    public DateTimeOffset Deadline { get; } = deadline;

    /// <summary>What to push; null until the queue has answered.</summary>
    public IReadOnlyList<LeasedEvent>? Events { get; set; }
}
