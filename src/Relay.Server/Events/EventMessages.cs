using System.Text.Json;
using System.Text.Json.Serialization;
using Relay.Server.Delivery;

namespace Relay.Server.Events;

/// <summary>An event in a list: without its headers, body and history.</summary>
internal record EventItem
{
    public required string Id { get; init; }

    public required string RelayId { get; init; }

    /// <summary>queued, in_flight, delivered, dead or expired.</summary>
    public required string Status { get; init; }

    /// <summary>Unix ms.</summary>
    public required long ReceivedAt { get; init; }

    public required string Method { get; init; }

    public required string Path { get; init; }

    public required string Query { get; init; }

    public string? ContentType { get; init; }

    /// <summary>Of the body.</summary>
    public required long SizeBytes { get; init; }

    /// <summary>How often it was handed out.</summary>
    public required int AttemptCount { get; init; }

    /// <summary>Unix ms at which it is handed out again, at the earliest; for what waits or is in flight.</summary>
    public long? DueAt { get; init; }

    /// <summary>The event that this one repeats.</summary>
    public string? ReplayOf { get; init; }
}

internal sealed record EventList(IReadOnlyList<EventItem> Events, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? NextCursor);

/// <summary>One event with all that is kept of it.</summary>
internal sealed record EventDetails : EventItem
{
    public required IReadOnlyDictionary<string, string> Headers { get; init; }

    /// <summary>The body's canonical text when it is JSON, else null.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    [JsonConverter(typeof(RawJsonConverter))]
    public required byte[]? Payload { get; init; }

    /// <summary>The exact bytes, base64, when they are not those of the payload.</summary>
    public byte[]? Body { get; init; }

    /// <summary>As the ingest checked it.</summary>
    public JsonElement? Source { get; init; }

    /// <summary>The ended attempts, oldest first; the first 100 are kept.</summary>
    public required IReadOnlyList<AttemptRecord> Attempts { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(EventList))]
[JsonSerializable(typeof(EventDetails))]
internal sealed partial class EventsJson : JsonSerializerContext;

/// <summary>Writes JSON text as it is: number text, key order and duplicate keys stay.</summary>
internal sealed class RawJsonConverter : JsonConverter<byte[]?>
{
    public override bool HandleNull => true;

    public override byte[]? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => throw new NotSupportedException();

    public override void Write(Utf8JsonWriter writer, byte[]? value, JsonSerializerOptions options)
    {
        if (value is null)
        {
            writer.WriteNullValue();
        }
        else
        {
            // Checked when it was made, and deeper than a checking writer allows.
            writer.WriteRawValue(value, skipInputValidation: true);
        }
    }
}
