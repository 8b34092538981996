using System.Text.Json;
using System.Text.Json.Serialization;

namespace Relay.Server.Delivery;

/// <summary>
/// An attempt as the embedded store keeps it: one JSON object
/// <c>{"number","at","via","session_id","outcome","reason","duration_ms"}</c>, outcomes in snake_case.
/// </summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(AttemptRecord))]
[JsonSerializable(typeof(string))]
[JsonSerializable(typeof(IReadOnlyList<AttemptRecord>))]
internal sealed partial class AttemptJson : JsonSerializerContext;

internal sealed class OutcomeConverter() : JsonStringEnumConverter<AttemptOutcome>(JsonNamingPolicy.SnakeCaseLower);
