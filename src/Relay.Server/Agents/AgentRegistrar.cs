using System.Text.Json;
using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Delivery.Expiry;

namespace Relay.Server.Agents;

/// <summary>Makes agents: ids, keys, secrets. Any thread.</summary>
internal sealed class AgentRegistrar(IAgentStore store, IAgenda agenda, SecretBox secrets, TimeProvider time)
{
    public Task<(AgentRecord Agent, NewSecrets Secrets)> RegisterAsync(
        RegisterRequest request, DeliverySettings delivery, CancellationToken cancellationToken)
    {
        var source = request.Source is null ? null : JsonSerializer.Serialize(request.Source, ApiJson.Default.SourceSettings);
        return AddAsync(
            (id, made) => NewAgent(id, made) with
            {
                SealedSource = Seal(source, AgentDirectory.SourcePurpose(id)),
                SealedHttpEndpoint = Seal(request.HttpEndpoint, AgentDirectory.HttpEndpointPurpose(id)),
                WorkspaceId = request.WorkspaceId,
                Name = request.Name,
                Metadata = request.Metadata,
                Delivery = delivery,
            },
            cancellationToken);
    }

    /// <summary>Makes an agent with the settings of another one, and an id and secrets of its own.</summary>
    public Task<(AgentRecord Agent, NewSecrets Secrets)> CopyAsync(AgentRecord old) => AddAsync(
        (id, made) => NewAgent(id, made) with
        {
            SealedSource = Seal(Open(old.SealedSource, AgentDirectory.SourcePurpose(old.Id)), AgentDirectory.SourcePurpose(id)),
            SealedHttpEndpoint = Seal(Open(old.SealedHttpEndpoint, AgentDirectory.HttpEndpointPurpose(old.Id)), AgentDirectory.HttpEndpointPurpose(id)),
            HttpEndpointGone = old.HttpEndpointGone,
            WorkspaceId = old.WorkspaceId,
            Name = old.Name,
            Metadata = old.Metadata,
            Delivery = old.Delivery,
        },
        CancellationToken.None);

    private async Task<(AgentRecord Agent, NewSecrets Secrets)> AddAsync(Func<RelayId, NewSecrets, AgentRecord> make, CancellationToken cancellationToken)
    {
        var id = RelayId.New();
        var made = new NewSecrets(id, secrets);
        var agent = make(id, made);

        // First: an entry without an agent costs a look, an agent without an entry would keep its events for ever.
        await agenda.SetAsync(AgendaKind.Expiry, id, time.GetUtcNow() + ExpirySweeper.FirstPause);
        await store.AddAsync(agent, cancellationToken);
        return (agent, made);
    }

    private AgentRecord NewAgent(RelayId id, NewSecrets made) => new()
    {
        Id = id,
        KeyHash = made.KeyHash,
        SealedApiKey = made.SealApiKey(),
        SealedSigningSecret = made.SealSigningSecret(),
        CreatedAt = time.GetUtcNow().ToUnixTimeMilliseconds(),
    };

    private string? Seal(string? secret, string purpose) => secret is null ? null : secrets.Seal(secret, purpose);

    private string? Open(string? @sealed, string purpose) => @sealed is null ? null : secrets.Open(@sealed, purpose);
}
