namespace Relay.Server.Delivery;

/// <summary>When a failed delivery is tried again, and when it is given up. Any thread.</summary>
internal sealed class RetrySchedule(Random random)
{
    private const double Jitter = 0.2;

    /// <summary>Whether an event that has failed so often is given up.</summary>
    public static bool IsExhausted(DeliveryPolicy policy, int failures) => failures >= policy.MaxAttempts;

    /// <summary>The pause after the given number of failures (1 or more), ±20 %.</summary>
    public TimeSpan DelayAfter(DeliveryPolicy policy, int failures)
    {
        var delay = policy.RetryDelays[Math.Clamp(failures - 1, 0, policy.RetryDelays.Count - 1)];
        return delay * (1 + (Jitter * ((2 * random.NextDouble()) - 1)));
    }
}
