using System.Text.Json;
using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Delivery.Expiry;

namespace Relay.Server.Agents;

/// <summary>Makes agents: ids, keys, secrets. The one place that has the secrets in clear text to show.</summary>
internal sealed class AgentRegistrar(IAgentStore store, IAgenda agenda, SecretBox secrets, TimeProvider time)
{
    public async Task<(AgentRecord Agent, ApiKey ApiKey, SigningSecret SigningSecret)> RegisterAsync(
        RegisterRequest request, DeliverySettings delivery, CancellationToken cancellationToken)
    {
        var id = RelayId.New();
        var apiKey = ApiKey.New();
        var signingSecret = SigningSecret.New();
        var agent = new AgentRecord
        {
            Id = id,
            KeyHash = apiKey.Hash(),
            SealedApiKey = secrets.Seal(apiKey.Reveal(), AgentDirectory.ApiKeyPurpose(id)),
            SealedSigningSecret = secrets.Seal(signingSecret.Reveal(), AgentDirectory.SigningSecretPurpose(id)),
            SealedSource = request.Source is { } source
                ? secrets.Seal(JsonSerializer.Serialize(source, ApiJson.Default.SourceSettings), AgentDirectory.SourcePurpose(id))
                : null,
            SealedHttpEndpoint = request.HttpEndpoint is { } endpoint ? secrets.Seal(endpoint, AgentDirectory.HttpEndpointPurpose(id)) : null,
            CreatedAt = time.GetUtcNow().ToUnixTimeMilliseconds(),
            WorkspaceId = request.WorkspaceId,
            Name = request.Name,
            Metadata = request.Metadata,
            Delivery = delivery,
        };

        // First: an entry without an agent costs a look, an agent without an entry would keep its events for ever.
        await agenda.SetAsync(AgendaKind.Expiry, id, time.GetUtcNow() + ExpirySweeper.FirstPause);
        await store.AddAsync(agent, cancellationToken);
        return (agent, apiKey, signingSecret);
    }
}
