using System.Text.Json;
using System.Text.Json.Serialization;

namespace Relay.Server.Events;

/// <summary>What an event's head says, for those who look at it.</summary>
internal sealed record Head
{
    public string Method { get; init; } = "POST";

    public string Path { get; init; } = "/";

    public string Query { get; init; } = "";

    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();

    public JsonElement? Source { get; init; }

    public string? ReplayOf { get; init; }

    [JsonIgnore]
    public string? ContentType => Headers.GetValueOrDefault("content-type");

    public static Head Read(ReadOnlyMemory<byte> head) => JsonSerializer.Deserialize(head.Span, HeadJson.Default.Head) ?? new Head();
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower)]
[JsonSerializable(typeof(Head))]
internal sealed partial class HeadJson : JsonSerializerContext;
