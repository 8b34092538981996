namespace Relay.Server.Delivery;

/// <summary><c>Relay:Delivery</c>.</summary>
internal sealed record DeliveryOptions
{
    public const string Section = "Relay:Delivery";

    /// <summary>How long an agent may take to acknowledge.</summary>
    /// <value>30 s; from 1 s to 1 day.</value>
    public TimeSpan AckTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Pauses before the second, third, … attempt, each ±20 %; the last one repeats.</summary>
    /// <value>1 s, 5 s, 30 s, 2 min, 10 min when none is configured.</value>
    public IReadOnlyList<TimeSpan> RetryDelays { get; init; } = [];

    /// <summary>Failed attempts after which an event is dead-lettered.</summary>
    /// <value>6; from 1 to 1000.</value>
    public int MaxAttempts { get; init; } = 6;

    /// <summary>How long an event may wait before it is given up as expired.</summary>
    /// <value>7 days; at most 3650.</value>
    public TimeSpan Retention { get; init; } = TimeSpan.FromDays(7);

    /// <summary>How long dead and expired events are kept to look at.</summary>
    /// <value>30 days.</value>
    public TimeSpan DeadLetterRetention { get; init; } = TimeSpan.FromDays(30);

    /// <summary>How long delivered events are kept to look at; 0: forgotten at the ack.</summary>
    /// <value>1 day.</value>
    public TimeSpan DeliveredRetention { get; init; } = TimeSpan.FromDays(1);

    /// <summary>How many delivered events are kept for an agent, or a thirtieth less (batches go as a whole); 0: forgotten at the ack. On Redis, each page of them that is listed has all looked through.</summary>
    /// <value>1000.</value>
    public int DeliveredKept { get; init; } = 1000;

    /// <summary>How many bytes of delivered events are kept for an agent.</summary>
    /// <value>64 MiB.</value>
    public long DeliveredKeptBytes { get; init; } = 64 << 20;

    /// <summary>Unacknowledged events at a time, for an agent that does not say how many it takes.</summary>
    /// <value>64; from 1 to 1024.</value>
    public int MaxInFlight { get; init; } = 64;

    /// <summary>Events that may wait for one agent.</summary>
    /// <value>100,000.</value>
    public long MaxQueuedEvents { get; init; } = 100_000;

    /// <summary>Bytes (headers and bodies) that may wait for one agent.</summary>
    /// <value>1 GiB.</value>
    public long MaxQueuedBytes { get; init; } = 1L << 30;
}
