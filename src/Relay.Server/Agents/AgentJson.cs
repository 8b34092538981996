using System.Text.Json;
using System.Text.Json.Serialization;
using Relay.Protocol;

namespace Relay.Server.Agents;

/// <summary>The document that both stores keep for an agent (members may be added, none is renamed), and changes as they are sent.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    Converters = [typeof(RelayIdConverter)])]
[JsonSerializable(typeof(AgentRecord))]
[JsonSerializable(typeof(AgentChange))]
internal sealed partial class AgentJson : JsonSerializerContext
{
    public static byte[] Write(AgentRecord agent) => JsonSerializer.SerializeToUtf8Bytes(agent, Default.AgentRecord);

    public static AgentRecord Read(ReadOnlySpan<byte> document) => JsonSerializer.Deserialize(document, Default.AgentRecord)!;
}

internal sealed class RelayIdConverter : JsonConverter<RelayId>
{
    public override RelayId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        RelayId.TryParse(reader.GetString(), out var id) ? id : throw new JsonException("Not a relay id.");

    public override void Write(Utf8JsonWriter writer, RelayId value, JsonSerializerOptions options) => writer.WriteStringValue(value.Value);
}
