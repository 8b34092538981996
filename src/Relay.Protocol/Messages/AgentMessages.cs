using System.Text.Json.Serialization;

namespace Relay.Protocol;

/// <summary>A frame that an agent sends. Times are Unix milliseconds.</summary>
public abstract record AgentMessage
{
    private protected AgentMessage()
    {
    }

    /// <summary>The wire's name of the message.</summary>
    [JsonPropertyOrder(-1)]
    public abstract string Type { get; }
}

/// <summary>The first frame, unless the upgrade request carried the key.</summary>
public sealed record AuthMessage : AgentMessage
{
    /// <inheritdoc/>
    public override string Type => "auth";

    /// <summary>The agent's relay id, or empty: the key alone finds it.</summary>
    public string? RelayId { get; init; }

    /// <summary>The agent's key.</summary>
    public string? ApiKey { get; init; }

    /// <summary>The client's version, for the log.</summary>
    public string? Version { get; init; }

    /// <summary>How many unacknowledged events the agent takes at a time, 1 to 1024; absent: the server's default.</summary>
    public int? MaxInFlight { get; init; }

    /// <summary>Without the key.</summary>
    public override string ToString() => $"auth {{ relay_id = {RelayId}, version = {Version}, max_in_flight = {MaxInFlight} }}";
}

/// <summary>Takes one event or many out of the queue.</summary>
public sealed record AckMessage : AgentMessage
{
    /// <inheritdoc/>
    public override string Type => "ack";

    /// <summary>One event or probe.</summary>
    public string? Id { get; init; }

    /// <summary>Many, instead of or besides <see cref="Id"/>.</summary>
    public IReadOnlyList<string>? Ids { get; init; }

    /// <summary>When it was sent.</summary>
    [JsonConverter(typeof(MillisecondsConverter))]
    public long? Timestamp { get; init; }
}

/// <summary>Gives an event back.</summary>
public sealed record NackMessage : AgentMessage
{
    /// <inheritdoc/>
    public override string Type => "nack";

    /// <summary>The event.</summary>
    public string? Id { get; init; }

    /// <summary>Why, kept in the event's history.</summary>
    public string? Reason { get; init; }

    /// <summary>When to try again, in ms from now; absent: by the retry schedule.</summary>
    [JsonConverter(typeof(MillisecondsConverter))]
    public long? RetryAfterMs { get; init; }

    /// <summary>True: do not try again, dead-letter it.</summary>
    public bool? DeadLetter { get; init; }
}

/// <summary>The agent still works on the event: its ack timeout starts anew.</summary>
public sealed record ExtendMessage : AgentMessage
{
    /// <inheritdoc/>
    public override string Type => "extend";

    /// <summary>The event.</summary>
    public string? Id { get; init; }
}

/// <summary>Answers a <see cref="PingMessage"/>.</summary>
public sealed record PongMessage : AgentMessage
{
    /// <inheritdoc/>
    public override string Type => "pong";

    /// <summary>The ping's time.</summary>
    [JsonConverter(typeof(MillisecondsConverter))]
    public long? Timestamp { get; init; }
}

/// <summary>Acknowledges an event and answers its sender, if it waits. Without a body the answer has none.</summary>
public sealed record ReplyMessage : AgentMessage
{
    /// <summary>Bytes that an answer's body may have.</summary>
    public const int MaxBodyBytes = 1 << 20;

    /// <inheritdoc/>
    public override string Type => "reply";

    /// <summary>The event.</summary>
    public string? Id { get; init; }

    /// <summary>The HTTP status of the answer, 200 to 599; absent: 200.</summary>
    public int? Status { get; init; }

    /// <summary>Its headers; those that are not the agent's to set are left out.</summary>
    public IReadOnlyDictionary<string, string>? Headers { get; init; }

    /// <summary>Its body as text.</summary>
    public string? Body { get; init; }

    /// <summary>Its body as bytes, instead of <see cref="Body"/>.</summary>
    public byte[]? BodyBase64 { get; init; }

    /// <summary>The id and the status, without the content.</summary>
    public override string ToString() => $"reply {{ id = {Id}, status = {Status} }}";
}
