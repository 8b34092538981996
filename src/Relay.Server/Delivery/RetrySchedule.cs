namespace Relay.Server.Delivery;

/// <summary>When a failed delivery is tried again, and when it is given up: the same whichever way it takes. Any thread.</summary>
internal sealed class RetrySchedule(Random random)
{
    private const double Jitter = 0.2;

    /// <summary>Whether an event that has failed so often is given up.</summary>
    public static bool IsExhausted(DeliveryPolicy policy, int failures) => failures >= policy.MaxAttempts;

    /// <summary>How an event ends that was leased and must not be handed out any more; null: hand it out.</summary>
    public static Settlement? GiveUp(DeliveryPolicy policy, SessionId session, LeasedEvent leased, DateTimeOffset now)
    {
        if (now - leased.AcceptedAt >= policy.Retention)
        {
            return leased.End(SettlementKind.Expire, session, AttemptOutcome.Expired, now) with { Reason = "Not delivered within the retention." };
        }

        return IsExhausted(policy, leased.Failures)
            ? leased.End(SettlementKind.DeadLetter, session, AttemptOutcome.Released, now) with { Reason = "All attempts failed." }
            : null;
    }

    /// <summary>What becomes of an event when an attempt has failed: again after a pause, or given up.</summary>
    /// <param name="policy">Of its agent.</param>
    /// <param name="failed">The event, with its failures this one included.</param>
    /// <param name="now">From when the pause counts.</param>
    /// <param name="pause">What the agent asked for; null: by the schedule.</param>
    public Settlement AfterFailure(DeliveryPolicy policy, Settlement failed, DateTimeOffset now, TimeSpan? pause = null) => failed with
    {
        Kind = IsExhausted(policy, failed.Failures) ? SettlementKind.DeadLetter : failed.Kind,
        DueAt = now + (pause ?? DelayAfter(policy, failed.Failures)),
    };

    /// <summary>The pause after the given number of failures, longer if so asked.</summary>
    public TimeSpan DelayAfter(DeliveryPolicy policy, int failures, TimeSpan? atLeast)
    {
        var delay = DelayAfter(policy, failures);
        return atLeast > delay ? atLeast.Value : delay;
    }

    /// <summary>The pause after the given number of failures (1 or more), ±20 %.</summary>
    public TimeSpan DelayAfter(DeliveryPolicy policy, int failures)
    {
        var delay = policy.RetryDelays[Math.Clamp(failures - 1, 0, policy.RetryDelays.Count - 1)];
        return delay * (1 + (Jitter * ((2 * random.NextDouble()) - 1)));
    }
}
