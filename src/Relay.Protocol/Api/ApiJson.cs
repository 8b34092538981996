using System.Text.Json.Serialization;

namespace Relay.Protocol;

/// <summary>The JSON of the HTTP API, generated at compile time.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(RegisterRequest))]
[JsonSerializable(typeof(SourceSettings))]
[JsonSerializable(typeof(RegisterResponse))]
[JsonSerializable(typeof(RotateRequest))]
[JsonSerializable(typeof(RotateResponse))]
[JsonSerializable(typeof(AgentResponse))]
[JsonSerializable(typeof(AgentListResponse))]
[JsonSerializable(typeof(WebhookResponse))]
[JsonSerializable(typeof(NackRequest))]
[JsonSerializable(typeof(SettledResponse))]
[JsonSerializable(typeof(ProbeResponse))]
[JsonSerializable(typeof(ErrorResponse))]
[JsonSerializable(typeof(HealthResponse))]
[JsonSerializable(typeof(StatsResponse))]
public sealed partial class ApiJson : JsonSerializerContext;
