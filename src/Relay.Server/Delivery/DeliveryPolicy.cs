namespace Relay.Server.Delivery;

/// <summary>How one agent's events are delivered: the server's options, overlaid with what the agent has set. Immutable.</summary>
internal sealed record DeliveryPolicy
{
    private static readonly TimeSpan[] DefaultRetryDelays =
        [TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(2), TimeSpan.FromMinutes(10)];

    private DeliveryPolicy()
    {
    }

    public required TimeSpan AckTimeout { get; init; }

    /// <summary>One or more; the last one repeats.</summary>
    public required IReadOnlyList<TimeSpan> RetryDelays { get; init; }

    public required int MaxAttempts { get; init; }

    public required TimeSpan Retention { get; init; }

    /// <summary>Unacknowledged events at a time, for a connection that does not say how many it takes.</summary>
    public required int MaxInFlight { get; init; }

    public required long MaxQueuedEvents { get; init; }

    public required long MaxQueuedBytes { get; init; }

    /// <summary>How many webhooks it takes in a minute, and at once; 0: any number; null: as the server.</summary>
    public int? WebhooksPerMinute { get; init; }

    /// <summary>How long senders wait for the agent that do not say it themselves; 0: not at all.</summary>
    public TimeSpan SenderWait { get; init; }

    /// <summary>Where the <see cref="Delivery.OrderingKey"/> is; null: events have none.</summary>
    public string? OrderingKey { get; init; }

    /// <summary>Events are accepted and kept, none is handed out.</summary>
    public required bool Paused { get; init; }

    public required ConnectionMode Connections { get; init; }

    /// <summary>Events are posted to the agent's endpoint, if it has one, also while it is connected.</summary>
    public required bool PostsAlways { get; init; }

    /// <summary>The most that a connection gets, whatever it asks for.</summary>
    private int InFlightLimit { get; init; }

    public static DeliveryPolicy From(DeliveryOptions server, DeliverySettings? agent)
    {
        agent ??= DeliverySettings.None;
        return new DeliveryPolicy
        {
            AckTimeout = agent.AckTimeoutMs is { } ack ? TimeSpan.FromMilliseconds(ack) : server.AckTimeout,
            RetryDelays = agent.RetryDelaysMs is { Count: > 0 } delays ? [.. delays.Select(static ms => TimeSpan.FromMilliseconds(ms))]
                : server.RetryDelays.Count > 0 ? server.RetryDelays
                : DefaultRetryDelays,
            MaxAttempts = agent.MaxAttempts ?? server.MaxAttempts,
            Retention = agent.RetentionSeconds is { } retention ? TimeSpan.FromSeconds(retention) : server.Retention,
            MaxInFlight = agent.MaxInFlight ?? server.MaxInFlight,
            MaxQueuedEvents = agent.MaxQueuedEvents ?? server.MaxQueuedEvents,
            MaxQueuedBytes = agent.MaxQueuedBytes ?? server.MaxQueuedBytes,
            WebhooksPerMinute = agent.WebhooksPerMinute,
            SenderWait = TimeSpan.FromSeconds(agent.SenderWaitSeconds ?? 0),
            OrderingKey = agent.OrderingKey,
            Paused = agent.Paused ?? false,
            Connections = agent.Connections ?? ConnectionMode.Exclusive,
            PostsAlways = agent.Http == DeliverySettings.HttpAlways,
            InFlightLimit = agent.MaxInFlight ?? DeliveryLimits.MaxInFlight,
        };
    }

    /// <summary>How many events a connection may have unacknowledged.</summary>
    /// <param name="asked">What it asked for, if it did.</param>
    public int Window(int? asked) => Math.Clamp(asked ?? MaxInFlight, 1, InFlightLimit);
}
