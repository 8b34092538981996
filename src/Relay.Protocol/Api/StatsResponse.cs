using System.Text.Json.Serialization;

namespace Relay.Protocol;

/// <summary>Answer of <c>GET /api/v1/stats</c>: all nodes together.</summary>
public sealed record StatsResponse
{
    /// <summary>The server's time, in Unix ms.</summary>
    public required long Timestamp { get; init; }

    /// <summary>The nodes that are there.</summary>
    public required IReadOnlyList<NodeStats> Nodes { get; init; }

    /// <summary>Registered agents, deactivated ones too.</summary>
    public required long Agents { get; init; }

    /// <summary>Agents' connections, those of other nodes as these last reported them.</summary>
    public required long Connections { get; init; }

    /// <summary>What is accepted and not settled, a few seconds old.</summary>
    public required QueueStats Queue { get; init; }

    /// <summary>Of this hour and the 24 before it.</summary>
    [JsonPropertyName("events_24h")]
    public required EventStats Events24h { get; init; }

    /// <summary>From acceptance to acknowledgement, of the same hours, in ms: at most 19 % too high. Absent: nothing was delivered.</summary>
    public required LatencyStats LatencyMs { get; init; }
}

/// <summary>One server process.</summary>
public sealed record NodeStats
{
    /// <summary>Its name, a new one at each start.</summary>
    public required string Node { get; init; }

    /// <summary>The agents' connections that it serves.</summary>
    public required int Connections { get; init; }
}

/// <summary>What the queues hold.</summary>
public sealed record QueueStats
{
    /// <summary>Events that wait or are in flight.</summary>
    public required long Events { get; init; }

    /// <summary>Their size with their headers.</summary>
    public required long Bytes { get; init; }

    /// <summary>How many agents have such events.</summary>
    public required long Agents { get; init; }
}

/// <summary>What became of events.</summary>
public sealed record EventStats
{
    /// <summary>Stored and answered 2xx.</summary>
    public required long Accepted { get; init; }

    /// <summary>Sent again with the same idempotency key.</summary>
    public required long Duplicates { get; init; }

    /// <summary>Refused with 503, because the agent's queue was full.</summary>
    public required long QueueFull { get; init; }

    /// <summary>Acknowledged.</summary>
    public required long Delivered { get; init; }

    /// <summary>Attempts that agents gave back.</summary>
    public required long Nacked { get; init; }

    /// <summary>Attempts that were not acknowledged.</summary>
    public required long Retried { get; init; }

    /// <summary>Given up after the last attempt.</summary>
    public required long Dead { get; init; }

    /// <summary>Given up because they waited too long.</summary>
    public required long Expired { get; init; }
}

/// <summary>Percentiles in ms.</summary>
public sealed record LatencyStats
{
    /// <summary>Half took at most that long.</summary>
    public double? P50 { get; init; }

    /// <summary>Nine of ten.</summary>
    public double? P90 { get; init; }

    /// <summary>Ninety-nine of a hundred.</summary>
    public double? P99 { get; init; }
}
