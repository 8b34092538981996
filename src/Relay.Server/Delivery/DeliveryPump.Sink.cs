namespace Relay.Server.Delivery;

/// <content>What a sink says that hears at once what came of an event.</content>
internal sealed partial class DeliveryPump
{
    /// <summary>The attempt failed, and counts.</summary>
    /// <param name="id">The event.</param>
    /// <param name="outcome">How.</param>
    /// <param name="reason">For its history, and for the log if it is given up.</param>
    /// <param name="retryAfter">When to try again; null: by the schedule.</param>
    public void Fail(EventId id, AttemptOutcome outcome, string reason, TimeSpan? retryAfter)
    {
        lock (_gate)
        {
            if (TakeBack(id, out var inFlight))
            {
                Fail(End(id, inFlight with { Failures = inFlight.Failures + 1 }, outcome) with { Reason = reason }, reason, retryAfter);
                Fetch();
            }
        }
    }

    /// <summary>It was not handed out after all: due again at the given time, and nothing is counted.</summary>
    public void Release(EventId id, DateTimeOffset due)
    {
        lock (_gate)
        {
            if (TakeBack(id, out var inFlight))
            {
                _settlements.Add(End(id, inFlight, AttemptOutcome.Released) with { DueAt = due });
                Fetch();
            }
        }
    }
}
