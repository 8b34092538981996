using System.Text.Json;
using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.HttpFallback;
using Relay.Server.Ingest.Sources;

namespace Relay.Server.Agents;

/// <summary>
/// The body of <c>PATCH /api/v1/agents/{relay_id}</c>. What is absent stays, what is null is reset. <c>metadata</c> and
/// <c>source</c> are replaced as a whole, <c>delivery</c> setting by setting.
/// </summary>
internal sealed record AgentChange
{
    public JsonElement Name { get; init; }

    public JsonElement WorkspaceId { get; init; }

    public JsonElement Metadata { get; init; }

    public JsonElement Delivery { get; init; }

    /// <summary><see cref="SourceSettings"/>; null: anybody may send.</summary>
    public JsonElement Source { get; init; }

    public JsonElement HttpEndpoint { get; init; }

    /// <returns>What is wrong with it, if something is.</returns>
    public string? FindFault(EndpointUrl endpoints, SourceCatalog sources)
    {
        if ((FindSourceFault(sources) ?? FindEndpointFault(endpoints)) is { } setFault)
        {
            return setFault;
        }

        if (!IsLabel(Name) || !IsLabel(WorkspaceId))
        {
            return AgentLabels.LabelRule;
        }

        if (!AgentLabels.IsMetadata(Metadata))
        {
            return AgentLabels.MetadataRule;
        }

        DeliveryChange.Merge(DeliverySettings.None, Delivery, out var fault);
        return fault;
    }

    /// <summary>The agent with the change made; the change has no fault.</summary>
    public AgentRecord ApplyTo(AgentRecord agent, SecretBox secrets) => agent with
    {
        Name = IsAbsent(Name) ? agent.Name : Name.GetString(),
        WorkspaceId = IsAbsent(WorkspaceId) ? agent.WorkspaceId : WorkspaceId.GetString(),
        Metadata = IsAbsent(Metadata) ? agent.Metadata : Metadata.ValueKind == JsonValueKind.Null ? null : Metadata,
        Delivery = DeliveryChange.Merge(agent.Delivery ?? DeliverySettings.None, Delivery, out _),
        SealedHttpEndpoint = IsAbsent(HttpEndpoint) ? agent.SealedHttpEndpoint
            : HttpEndpoint.GetString() is { } endpoint ? secrets.Seal(endpoint, AgentDirectory.HttpEndpointPurpose(agent.Id))
            : null,
        SealedSource = IsAbsent(Source) ? agent.SealedSource
            : Source.ValueKind == JsonValueKind.Null ? null
            : secrets.Seal(JsonSerializer.Serialize(Source.Deserialize(ApiJson.Default.SourceSettings)!, ApiJson.Default.SourceSettings), AgentDirectory.SourcePurpose(agent.Id)),
        HttpEndpointGone = agent.HttpEndpointGone && IsAbsent(HttpEndpoint),
    };

    /// <summary>The names of what is to change; of <c>delivery</c>, those of its settings.</summary>
    public IEnumerable<string> ListFields()
    {
        (string Name, JsonElement Value)[] fields = [("name", Name), ("workspace_id", WorkspaceId), ("metadata", Metadata), ("source", Source), ("http_endpoint", HttpEndpoint), ("delivery", Delivery)];
        return fields.Where(static field => !IsAbsent(field.Value)).SelectMany(static field =>
            field is { Name: "delivery", Value.ValueKind: JsonValueKind.Object }
                ? field.Value.EnumerateObject().Select(static setting => $"delivery.{setting.Name}")
                : [field.Name]);
    }

    /// <summary>Repeats nothing of what was given: it may be a secret in the wrong place.</summary>
    private string? FindSourceFault(SourceCatalog sources)
    {
        if (Source.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null)
        {
            return null;
        }

        try
        {
            return sources.Create(Source.Deserialize(ApiJson.Default.SourceSettings)!).Fault;
        }
        catch (JsonException exception)
        {
            return $"The field $.source{exception.Path?.TrimStart('$')} has the wrong type or form, or is none of a source's.";
        }
    }

    private string? FindEndpointFault(EndpointUrl endpoints) => HttpEndpoint.ValueKind switch
    {
        JsonValueKind.Undefined or JsonValueKind.Null => null,
        JsonValueKind.String => endpoints.FindFault(HttpEndpoint.GetString()!),
        _ => "http_endpoint is a URL, or null for none.",
    };

    private static bool IsAbsent(JsonElement field) => field.ValueKind == JsonValueKind.Undefined;

    private static bool IsLabel(JsonElement field) => field.ValueKind switch
    {
        JsonValueKind.Undefined or JsonValueKind.Null => true,
        JsonValueKind.String => AgentLabels.IsLabel(field.GetString()),
        _ => false,
    };
}
