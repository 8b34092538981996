using System.Text.Json;

namespace Relay.Server.Agents;

/// <summary>What an agent's labels may be, at its registration and later.</summary>
internal static class AgentLabels
{
    private const int MaxLength = 200;

    public static readonly string LabelRule = $"workspace_id and name are strings of at most {MaxLength} characters each.";

    public const string MetadataRule = "metadata is a JSON object.";

    public static bool IsLabel(string? label) => label is null || label.Length <= MaxLength;

    public static bool IsMetadata(JsonElement metadata) =>
        metadata.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null or JsonValueKind.Object;
}
