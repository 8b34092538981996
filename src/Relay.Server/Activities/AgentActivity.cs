using System.Text.Json;
using System.Text.Json.Serialization;
using Relay.Protocol;
using Relay.Server.Delivery;

namespace Relay.Server.Activities;

/// <summary>What happened with an agent. The names are kept in logs (snake_case): none is renamed.</summary>
[JsonConverter(typeof(ActivityTypeConverter))]
internal enum ActivityType
{
    Connected,
    Disconnected,

    /// <summary>Somebody named the agent and had no key of it.</summary>
    AuthFailed,
    EventQueued,
    EventDelivered,

    /// <summary>Given back by the agent, to be delivered again.</summary>
    EventNacked,

    /// <summary>Not acknowledged in time or the connection lost: to be delivered again.</summary>
    EventRetrying,
    EventDead,
    EventExpired,

    /// <summary>The agent's HTTP endpoint answered 410: nothing is posted to it any more.</summary>
    EndpointGone,
}

internal sealed class ActivityTypeConverter() : JsonStringEnumConverter<ActivityType>(JsonNamingPolicy.SnakeCaseLower);

/// <summary>Something that happened with an agent.</summary>
internal sealed record AgentActivity(RelayId Agent, ActivityType Type, DateTimeOffset At)
{
    public SessionId? Session { get; init; }

    public EventId? Event { get; init; }

    public string? Reason { get; init; }

    /// <summary>With which the server closed a connection.</summary>
    public int? CloseCode { get; init; }

    /// <summary>Whether it is kept in the agent's log. What each event goes through is kept with the event.</summary>
    public bool IsLogged =>
        Type is not (ActivityType.EventQueued or ActivityType.EventDelivered or ActivityType.EventRetrying);
}

/// <summary>An activity as it stands in logs and in the feed.</summary>
internal sealed record ActivityEntry
{
    /// <summary>Unix ms.</summary>
    public required long At { get; init; }

    public required ActivityType Type { get; init; }

    public string? RelayId { get; init; }

    public string? SessionId { get; init; }

    public string? EventId { get; init; }

    public string? Reason { get; init; }

    public int? CloseCode { get; init; }

    /// <returns>Null: it names no agent.</returns>
    public AgentActivity? ToActivity() => Protocol.RelayId.TryParse(RelayId, out var agent)
        ? new AgentActivity(agent, Type, DateTimeOffset.FromUnixTimeMilliseconds(At))
        {
            Session = SessionId is null ? null : new SessionId(SessionId),
            Event = Protocol.EventId.TryParse(EventId, out var id) ? id : null,
            Reason = Reason,
            CloseCode = CloseCode,
        }
        : null;

    public static ActivityEntry From(AgentActivity activity) => new()
    {
        At = activity.At.ToUnixTimeMilliseconds(),
        Type = activity.Type,
        RelayId = activity.Agent.Value,
        SessionId = activity.Session?.Value,
        EventId = activity.Event?.ToString(),
        Reason = activity.Reason,
        CloseCode = activity.CloseCode,
    };
}

internal sealed record ActivityLogList(
    IReadOnlyList<ActivityEntry> Logs, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? NextCursor);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ActivityEntry))]
[JsonSerializable(typeof(ActivityLogList))]
internal sealed partial class ActivityJson : JsonSerializerContext
{
    public static byte[] Write(ActivityEntry entry) => JsonSerializer.SerializeToUtf8Bytes(entry, Default.ActivityEntry);

    public static ActivityEntry Read(ReadOnlySpan<byte> entry) => JsonSerializer.Deserialize(entry, Default.ActivityEntry)!;
}
