using System.Text.Json;

namespace Relay.Protocol;

/// <summary>The body of <c>POST /api/v1/register</c>. Every field is optional.</summary>
public sealed record RegisterRequest
{
    /// <summary>A label that groups agents.</summary>
    public string? WorkspaceId { get; init; }

    /// <summary>A name for people.</summary>
    public string? Name { get; init; }

    /// <summary>Any JSON object, kept and given back.</summary>
    public JsonElement? Metadata { get; init; }

    /// <summary>Where to POST when no connection is there.</summary>
    public string? HttpEndpoint { get; init; }

    /// <summary>Whose signatures are checked before an event is accepted.</summary>
    public SourceSettings? Source { get; init; }

    /// <summary>Delivery settings that differ from the server's.</summary>
    public JsonElement? Delivery { get; init; }

    /// <summary>Without the endpoint, which may hold credentials, the source, which has its provider's secret, and what is given as JSON.</summary>
    public override string ToString() => $"register {{ workspace_id = {WorkspaceId}, name = {Name} }}";
}

/// <summary>The answer to a registration: the only time that the secrets are shown.</summary>
public sealed record RegisterResponse
{
    /// <summary>The new agent.</summary>
    public required string RelayId { get; init; }

    /// <summary>What the agent connects with.</summary>
    public required string ApiKey { get; init; }

    /// <summary>The Standard Webhooks secret.</summary>
    public required string SigningSecret { get; init; }

    /// <summary>Where senders post.</summary>
    public required string WebhookUrl { get; init; }

    /// <summary>Unix ms.</summary>
    public required long CreatedAt { get; init; }

    /// <summary>Without the secrets.</summary>
    public override string ToString() => $"registered {{ relay_id = {RelayId} }}";
}

/// <summary>What a sender is answered.</summary>
public sealed record WebhookResponse
{
    /// <summary><c>queued</c>, <c>delivered</c> (the sender waited) or <c>duplicate</c>.</summary>
    public required string Status { get; init; }

    /// <summary>The event.</summary>
    public required string Id { get; init; }

    /// <summary>The agent.</summary>
    public required string RelayId { get; init; }

    /// <summary>Whether the agent is connected now.</summary>
    public bool AgentConnected { get; init; }

    /// <summary>Unix ms.</summary>
    public long Timestamp { get; init; }
}

/// <summary>The one shape of every HTTP error.</summary>
public sealed record ErrorResponse
{
    /// <summary>One of <see cref="ErrorCodes"/>.</summary>
    public required string Error { get; init; }

    /// <summary>What happened and what to do.</summary>
    public required string Message { get; init; }

    /// <summary>Facts for programs, by name.</summary>
    public IReadOnlyDictionary<string, JsonElement> Details { get; init; } = new Dictionary<string, JsonElement>();

    /// <summary>Unix ms.</summary>
    public long Timestamp { get; init; }

    /// <summary>Finds the request in the server's log.</summary>
    public required string RequestId { get; init; }
}

/// <summary>The answer of <c>/api/v1/health</c>, <c>/healthz</c> and <c>/readyz</c>.</summary>
public sealed record HealthResponse
{
    /// <summary><c>healthy</c> or <c>unhealthy</c>.</summary>
    public required string Status { get; init; }

    /// <summary>The server's version.</summary>
    public required string Version { get; init; }

    /// <summary>Unix ms.</summary>
    public long Timestamp { get; init; }

    /// <summary>Whole seconds since the start.</summary>
    public long Uptime { get; init; }

    /// <summary><c>embedded</c> or <c>redis</c>.</summary>
    public required string Store { get; init; }

    /// <summary>Agents connected to this node.</summary>
    public int ActiveConnections { get; init; }

    /// <summary>Why it is not healthy.</summary>
    public string? Reason { get; init; }
}

/// <summary>The body of a nack by HTTP. Every field is optional.</summary>
public sealed record NackRequest
{
    /// <summary>Why, kept in the event's history.</summary>
    public string? Reason { get; init; }

    /// <summary>When to try again, in ms from now; absent: by the retry schedule.</summary>
    public long? RetryAfterMs { get; init; }

    /// <summary>True: do not try again, dead-letter it.</summary>
    public bool? DeadLetter { get; init; }

    /// <summary>True: nobody looked at it. It is due at once and no attempt is counted; nothing else may be given.</summary>
    public bool? Release { get; init; }
}

/// <summary>The answer to an ack or nack by HTTP.</summary>
public sealed record SettledResponse
{
    /// <summary><c>acknowledged</c>, <c>nacked</c> or <c>released</c>.</summary>
    public required string Status { get; init; }

    /// <summary>The event.</summary>
    public required string Id { get; init; }
}

/// <summary>The answer to a probe.</summary>
public sealed record ProbeResponse
{
    /// <summary><c>ok</c>, <c>timeout</c> or <c>not_connected</c>.</summary>
    public required string Status { get; init; }

    /// <summary>From the probe's acceptance to its stored ack, when it came back.</summary>
    public double? DurationMs { get; init; }
}
