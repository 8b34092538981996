namespace Relay.Server.Delivery;

/// <content>What a sink says that hears at once what came of an event.</content>
internal sealed partial class DeliveryPump
{
    /// <summary>The attempt failed, and counts.</summary>
    /// <param name="id">The event.</param>
    /// <param name="outcome">How.</param>
    /// <param name="reason">For its history, and for the log if it is given up.</param>
    /// <param name="notBefore">What the other side asked for: the schedule's pause is no shorter.</param>
    public void Fail(EventId id, AttemptOutcome outcome, string reason, TimeSpan? notBefore)
    {
        lock (_gate)
        {
            if (TakeBack(id, out var inFlight))
            {
                var failures = inFlight.Failures + 1;
                Fail(
                    End(id, inFlight with { Failures = failures }, outcome) with { Reason = reason },
                    reason,
                    _retries.DelayAfter(_policy, failures, notBefore));
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
