namespace Relay.Server.Delivery;

/// <param name="Attempt">Number of the handing-out.</param>
/// <param name="Deadline">Until when its ack is awaited, UTC: half as big as with an offset.</param>
/// <param name="Failures">As of the handing-out.</param>
/// <param name="LossCounted">As of the handing-out.</param>
/// <param name="SenderWaits">Whether somebody may wait for the agent's answer.</param>
/// <param name="Place">Where the store has it, for its ack.</param>
internal readonly record struct InFlight(int Attempt, DateTime Deadline, int Failures, bool LossCounted, bool SenderWaits, object? Place)
{
    public InFlight(LeasedEvent leased, DateTime deadline)
        : this(leased.Attempt, deadline, leased.Failures, leased.LossCounted, leased.ReplyBy is not null, leased.Place)
    {
    }
}

/// <summary>The events that were pushed on one connection and not yet acknowledged, given back or timed out. Guarded by its owner.</summary>
internal sealed class InFlightTable
{
    private readonly Dictionary<EventId, InFlight> _events = [];

    public int Count => _events.Count;

    /// <summary>No deadline is before it.</summary>
    public DateTimeOffset FirstDeadline { get; private set; } = DateTimeOffset.MaxValue;

    public bool TryFind(EventId id, out InFlight inFlight) => _events.TryGetValue(id, out inFlight);

    /// <summary>Adds the event or, if it is there, changes it.</summary>
    public void Set(EventId id, InFlight inFlight)
    {
        _events[id] = inFlight;
        FirstDeadline = inFlight.Deadline < FirstDeadline ? inFlight.Deadline : FirstDeadline;
    }

    public bool Remove(EventId id, out InFlight inFlight) => _events.Remove(id, out inFlight);

    /// <summary>Takes out what is overdue. Costs nothing while nothing can be.</summary>
    public IReadOnlyList<KeyValuePair<EventId, InFlight>> TakeOverdue(DateTimeOffset now)
    {
        if (now < FirstDeadline)
        {
            return [];
        }

        List<KeyValuePair<EventId, InFlight>> overdue = [];
        FirstDeadline = DateTimeOffset.MaxValue;
        foreach (var one in _events)
        {
            if (one.Value.Deadline <= now)
            {
                overdue.Add(one);
            }
            else if (one.Value.Deadline < FirstDeadline)
            {
                FirstDeadline = one.Value.Deadline;
            }
        }

        overdue.ForEach(one => _events.Remove(one.Key));
        return overdue;
    }

    public IReadOnlyList<KeyValuePair<EventId, InFlight>> TakeAll()
    {
        KeyValuePair<EventId, InFlight>[] all = [.. _events];
        _events.Clear();
        return all;
    }
}
