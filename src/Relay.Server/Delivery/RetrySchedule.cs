using Microsoft.Extensions.Options;

namespace Relay.Server.Delivery;

/// <summary>When a failed delivery is tried again, and when it is given up. Any thread.</summary>
internal sealed class RetrySchedule(IOptions<DeliveryOptions> options, Random random)
{
    private const double Jitter = 0.2;

    private static readonly TimeSpan[] DefaultDelays =
        [TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(2), TimeSpan.FromMinutes(10)];

    private readonly IReadOnlyList<TimeSpan> _delays = options.Value.RetryDelays.Count > 0 ? options.Value.RetryDelays : DefaultDelays;
    private readonly int _maxAttempts = options.Value.MaxAttempts;

    /// <summary>Whether an event that has failed so often is given up.</summary>
    public bool IsExhausted(int failures) => failures >= _maxAttempts;

    /// <summary>The pause after the given number of failures (1 or more), ±20 %.</summary>
    public TimeSpan DelayAfter(int failures)
    {
        var delay = _delays[Math.Clamp(failures - 1, 0, _delays.Count - 1)];
        return delay * (1 + (Jitter * ((2 * random.NextDouble()) - 1)));
    }
}
