using System.Text.Json;
using Relay.Server.Http;

namespace Relay.Server.Ingest.Sources;

/// <summary>
/// Microsoft Graph: learn.microsoft.com/en-us/graph/change-notifications-delivery-webhooks. It signs nothing: each notification of a body
/// repeats the <c>clientState</c> that the subscription was made with. A new address is tried with a <c>validationToken</c> in the query.
/// </summary>
internal sealed class GraphSource(SourceKeys keys) : ISource
{
    public const string Name = "graph";

    public string Type => Name;

    public IResult? AnswerUnsigned(in SourceRequest request) =>
        !request.IsGet && request.Query("validationToken") is { } token ? ChallengeResult.Text(token) : null;

    public bool Verify(in SourceRequest request)
    {
        if (!JsonText.IsSound(request.Body))
        {
            return false;
        }

        var root = JsonElement.Parse(request.Body);
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("value", out var notifications) || notifications.ValueKind != JsonValueKind.Array)
        {
            return false;
        }

        var all = notifications.GetArrayLength() > 0;
        foreach (var notification in notifications.EnumerateArray())
        {
            all &= notification.ValueKind == JsonValueKind.Object
                && notification.TryGetProperty("clientState", out var state)
                && state.ValueKind == JsonValueKind.String
                && keys.Contain(state.GetString()!);
        }

        return all;
    }
}
