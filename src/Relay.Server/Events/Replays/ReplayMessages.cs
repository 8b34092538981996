using System.Text.Json.Serialization;

namespace Relay.Server.Events.Replays;

/// <summary>The answer to the replay of one event.</summary>
internal sealed record ReplayResponse
{
    /// <summary>queued.</summary>
    public required string Status { get; init; }

    /// <summary>The new event.</summary>
    public required string Id { get; init; }

    public required string RelayId { get; init; }

    public required string ReplayOf { get; init; }

    /// <summary>Unix ms.</summary>
    public required long Timestamp { get; init; }
}

/// <summary>Which of an agent's events to replay.</summary>
internal sealed record ReplayRequest
{
    /// <summary>delivered, dead or expired.</summary>
    public string? Status { get; init; }

    /// <summary>Received then or later, Unix ms.</summary>
    public long? From { get; init; }

    /// <summary>Received then or earlier, Unix ms.</summary>
    public long? To { get; init; }

    /// <summary>The newest so many.</summary>
    public int? Limit { get; init; }
}

/// <summary>How far a replay of many events is.</summary>
internal sealed record ReplayProgress
{
    public required string JobId { get; init; }

    public required string RelayId { get; init; }

    /// <summary>running, done or failed.</summary>
    public required string Status { get; init; }

    /// <summary>Events that are to be replayed; 0 until they are counted.</summary>
    public required int Found { get; init; }

    public required int Replayed { get; init; }

    /// <summary>Events that could not be: no longer kept, or not in that status any more.</summary>
    public required int Failed { get; init; }

    /// <summary>Why the job failed.</summary>
    public string? Reason { get; init; }

    /// <summary>Unix ms.</summary>
    public required long StartedAt { get; init; }

    /// <summary>Unix ms.</summary>
    public long? EndedAt { get; init; }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ReplayRequest))]
[JsonSerializable(typeof(ReplayResponse))]
[JsonSerializable(typeof(ReplayProgress))]
internal sealed partial class ReplayJson : JsonSerializerContext;
