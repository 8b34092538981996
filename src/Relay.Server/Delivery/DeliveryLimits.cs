namespace Relay.Server.Delivery;

/// <summary>What delivery may be set to, for the server and for one agent.</summary>
internal static class DeliveryLimits
{
    public const int MaxAttempts = 1000;

    /// <summary>The most that an agent may ask to have in flight.</summary>
    public const int MaxInFlight = 1024;

    public static readonly TimeSpan MinAckTimeout = TimeSpan.FromSeconds(1);

    public static readonly TimeSpan MaxAckTimeout = TimeSpan.FromDays(1);

    /// <summary>The longest that a sender's request is kept open.</summary>
    public static readonly TimeSpan MaxSenderWait = TimeSpan.FromSeconds(60);

    public static readonly TimeSpan MaxRetryDelay = TimeSpan.FromDays(7);

    /// <summary>Ten years: what is longer would go beyond the calendar's end.</summary>
    public static readonly TimeSpan MaxRetention = TimeSpan.FromDays(3650);
}
