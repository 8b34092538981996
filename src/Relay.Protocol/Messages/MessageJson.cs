using System.Text.Json.Serialization;

namespace Relay.Protocol;

/// <summary>The JSON of every message but <c>webhook</c>, generated at compile time.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true)]
[JsonSerializable(typeof(AuthMessage))]
[JsonSerializable(typeof(AckMessage))]
[JsonSerializable(typeof(NackMessage))]
[JsonSerializable(typeof(ExtendMessage))]
[JsonSerializable(typeof(PongMessage))]
[JsonSerializable(typeof(ReplyMessage))]
[JsonSerializable(typeof(AuthSuccessMessage))]
[JsonSerializable(typeof(AuthErrorMessage))]
[JsonSerializable(typeof(PingMessage))]
[JsonSerializable(typeof(ProbeMessage))]
[JsonSerializable(typeof(GapMessage))]
[JsonSerializable(typeof(ErrorMessage))]
[JsonSerializable(typeof(DisconnectMessage))]
[JsonSerializable(typeof(SourceInfo))]
internal sealed partial class MessageJson : JsonSerializerContext;
