namespace Relay.Server.Delivery;

/// <summary>What one agent has set otherwise than the server; null: as the server. Kept with the agent: members may be added, none is renamed.</summary>
internal sealed record DeliverySettings
{
    public const string HttpFallback = "fallback";
    public const string HttpAlways = "always";

    public static readonly DeliverySettings None = new();

    public long? AckTimeoutMs { get; init; }

    /// <summary>One or more.</summary>
    public IReadOnlyList<long>? RetryDelaysMs { get; init; }

    public int? MaxAttempts { get; init; }

    public long? RetentionSeconds { get; init; }

    /// <summary>The window of a connection that does not ask for one, and the most that one gets.</summary>
    public int? MaxInFlight { get; init; }

    public long? MaxQueuedEvents { get; init; }

    public long? MaxQueuedBytes { get; init; }

    /// <summary>How many webhooks it takes in a minute, and at once; 0: any number.</summary>
    public int? WebhooksPerMinute { get; init; }

    /// <summary>How long senders wait for the agent that do not say it themselves, for those that cannot.</summary>
    public int? SenderWaitSeconds { get; init; }

    /// <summary>Where the <see cref="Delivery.OrderingKey"/> is.</summary>
    public string? OrderingKey { get; init; }

    /// <summary>Events are accepted and kept, none is handed out.</summary>
    public bool? Paused { get; init; }

    /// <summary>What becomes of a connection when there is another.</summary>
    public ConnectionMode? Connections { get; init; }

    /// <summary><see cref="HttpFallback"/> (also null) or <see cref="HttpAlways"/>: when events are posted, if the agent has an endpoint.</summary>
    public string? Http { get; init; }
}
