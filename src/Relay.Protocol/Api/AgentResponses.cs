using System.Text.Json;
using System.Text.Json.Serialization;

namespace Relay.Protocol;

/// <summary>An agent as the API shows it: without its secrets.</summary>
public sealed record AgentResponse
{
    /// <summary>The agent.</summary>
    public required string RelayId { get; init; }

    /// <summary>A label that groups agents.</summary>
    public string? WorkspaceId { get; init; }

    /// <summary>A name for people.</summary>
    public string? Name { get; init; }

    /// <summary>What was given as such.</summary>
    public JsonElement? Metadata { get; init; }

    /// <summary>Unix ms.</summary>
    public long CreatedAt { get; init; }

    /// <summary>False: deactivated, for good. Nothing is accepted for it and its key opens nothing.</summary>
    public bool Active { get; init; }

    /// <summary>Whether the agent is connected now, to whichever node.</summary>
    public bool Connected { get; init; }

    /// <summary>Where senders post.</summary>
    public required string WebhookUrl { get; init; }

    /// <summary>Who must have signed what is accepted for it; absent: anybody may send.</summary>
    public AgentSource? Source { get; init; }

    /// <summary><c>set</c>: it has an HTTP endpoint, which is never shown; <c>gone</c>: that answered 410 and is no longer used.</summary>
    public string? HttpEndpoint { get; init; }

    /// <summary>Unix ms at which the api key was last used, to about a minute; a connection uses it as long as it lasts. Absent: never.</summary>
    public long? LastUsedAt { get; init; }

    /// <summary>The api key before the last rotation, while it holds.</summary>
    public RetiringKey? RetiringKey { get; init; }

    /// <summary>How its events are delivered.</summary>
    public required AgentDelivery Delivery { get; init; }
}

/// <summary>What may be seen of an agent's source.</summary>
public sealed record AgentSource
{
    /// <summary>As in <see cref="SourceSettings.Type"/>. Absent: what is kept cannot be opened, and lets nothing pass.</summary>
    public string? Type { get; init; }

    /// <summary>How many secrets hold: two while one is being rotated.</summary>
    public int Secrets { get; init; }
}

/// <summary>An api key that a rotation has replaced and that still holds.</summary>
public sealed record RetiringKey
{
    /// <summary>Unix ms from which it opens nothing.</summary>
    public long ExpiresAt { get; init; }

    /// <summary>Unix ms, to about a minute. Absent: never.</summary>
    public long? LastUsedAt { get; init; }
}

/// <summary>The delivery settings that hold for an agent: its own, and the server's where it has none.</summary>
public sealed record AgentDelivery
{
    /// <summary>How long the agent may take to acknowledge.</summary>
    public long AckTimeoutMs { get; init; }

    /// <summary>Pauses before the second, third, … attempt, each ±20 %; the last one repeats.</summary>
    public required IReadOnlyList<long> RetryDelaysMs { get; init; }

    /// <summary>Failed attempts after which an event is dead-lettered.</summary>
    public int MaxAttempts { get; init; }

    /// <summary>How long an event may wait before it is given up as expired.</summary>
    public long RetentionSeconds { get; init; }

    /// <summary>Unacknowledged events at a time, unless the connection asks for another number.</summary>
    public int MaxInFlight { get; init; }

    /// <summary>Events that may wait.</summary>
    public long MaxQueuedEvents { get; init; }

    /// <summary>Bytes (headers and bodies) that may wait.</summary>
    public long MaxQueuedBytes { get; init; }

    /// <summary>Webhooks that it takes in a minute, and at once; 0: any number.</summary>
    public int WebhooksPerMinute { get; init; }

    /// <summary>How long senders wait for the agent that do not say it themselves (<c>Prefer: wait</c>); 0: not at all.</summary>
    public int SenderWaitSeconds { get; init; }

    /// <summary>The header, or the JSON pointer into the body, whose value events must share to be handed out one after another; null: none.</summary>
    public string? OrderingKey { get; init; }

    /// <summary>Events are accepted and kept, none is handed out.</summary>
    public bool Paused { get; init; }

    /// <summary><c>exclusive</c>: the newest connection takes over; <c>shared</c>: all serve the agent side by side.</summary>
    public required string Connections { get; init; }

    /// <summary>When events are posted to the agent's HTTP endpoint, if it has one: <c>fallback</c>, while it is not connected, or <c>always</c>.</summary>
    public required string Http { get; init; }
}

/// <summary>One page of agents, in the order of their ids.</summary>
public sealed record AgentListResponse
{
    /// <summary>The agents, deactivated ones too.</summary>
    public required IReadOnlyList<AgentResponse> Agents { get; init; }

    /// <summary>The next page's <c>cursor</c>; null: this is the last.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? NextCursor { get; init; }
}
