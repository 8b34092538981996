using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.Extensions.Caching.Memory;
using Microsoft.Extensions.Options;
using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Ingest.Sources;

namespace Relay.Server.Agents;

/// <summary>
/// Finds active agents by id or by key and opens their secrets. What was found by id is remembered for a few seconds, so that a
/// busy agent's webhooks do not ask the store each time, or until this node hears that the agent changed; unknown ids are not
/// remembered, a new agent is there at once. Any thread.
/// </summary>
internal sealed class AgentDirectory(
    IAgentStore store, SecretBox secrets, IOptions<DeliveryOptions> delivery, SourceCatalog sources, KeyUsage usage, TimeProvider time) : IDisposable
{
    private static readonly TimeSpan RememberedFor = TimeSpan.FromSeconds(5);
    private readonly Lock _gate = new();
    private readonly MemoryCache _agents = new(new MemoryCacheOptions { SizeLimit = 100_000 });

    /// <summary>Of all agents that have set nothing: one object.</summary>
    private readonly DeliveryPolicy _serversPolicy = DeliveryPolicy.From(delivery.Value, agent: null);

    private long _forgotten;

    public static string ApiKeyPurpose(RelayId id) => $"api_key:{id}";

    public static string SigningSecretPurpose(RelayId id) => $"signing_secret:{id}";

    public static string SourcePurpose(RelayId id) => $"source:{id}";

    public static string HttpEndpointPurpose(RelayId id) => $"http_endpoint:{id}";

    /// <returns>Null for an id that is unknown or deactivated.</returns>
    public ValueTask<Agent?> FindAsync(RelayId id, CancellationToken cancellationToken) =>
        _agents.TryGetValue(id, out Agent? agent) ? new ValueTask<Agent?>(agent) : new ValueTask<Agent?>(LoadAsync(id, cancellationToken));

    /// <returns>Null for a key that opens nothing.</returns>
    public async Task<Agent?> FindByKeyAsync(ApiKey key, CancellationToken cancellationToken)
    {
        var hash = key.Hash();
        var record = await store.FindByKeyAsync(hash, cancellationToken);
        if (record is not { Active: true } || Open(record).OpenedWith(hash, time.GetUtcNow()) is not { } opened)
        {
            return null;
        }

        usage.Note(opened);
        return opened;
    }

    /// <summary>Asks the store, whatever is remembered.</summary>
    /// <returns>Null for an id that is unknown or deactivated.</returns>
    public Task<Agent?> ReloadAsync(RelayId id, CancellationToken cancellationToken)
    {
        Forget(id);
        return LoadAsync(id, cancellationToken);
    }

    /// <summary>Asks the store for an agent that was found by its key, whatever is remembered.</summary>
    /// <returns>The same one if it has not changed; null: the key opens nothing any more.</returns>
    public async Task<Agent?> ReloadAsync(Agent opened, CancellationToken cancellationToken)
    {
        Forget(opened.Id);
        if (await store.FindAsync(opened.Id, cancellationToken) is not { Active: true } record)
        {
            return null;
        }

        // A store that has lost a change may have made another of the same version: a key must never outlive it.
        var isSame = record.Version == opened.Version && opened.OpenedWith(record.KeyHash, time.GetUtcNow()) is not null;
        var agent = isSame ? opened : Open(record);
        return agent.OpenedWith(opened.KeyHash!, time.GetUtcNow());
    }

    /// <summary>The agent has changed: who asks from now on gets it as it is.</summary>
    public void Forget(RelayId id)
    {
        lock (_gate)
        {
            _forgotten++;
            _agents.Remove(id);
        }
    }

    /// <summary>Any agent may have changed.</summary>
    public void ForgetAll()
    {
        lock (_gate)
        {
            _forgotten++;
            _agents.Clear();
        }
    }

    public void Dispose() => _agents.Dispose();

    private async Task<Agent?> LoadAsync(RelayId id, CancellationToken cancellationToken)
    {
        var forgotten = Volatile.Read(ref _forgotten);
        if (await store.FindAsync(id, cancellationToken) is not { Active: true } record)
        {
            return null;
        }

        var agent = Open(record);
        lock (_gate)
        {
            // What was forgotten meanwhile may be this very agent, read before its change.
            if (forgotten == _forgotten)
            {
                _agents.Set(id, agent, new MemoryCacheEntryOptions { Size = 1, AbsoluteExpirationRelativeToNow = RememberedFor });
            }
        }

        return agent;
    }

    private Agent Open(AgentRecord record)
    {
        var retiring = record.Retiring;
        var keys = new AgentKeys(
            OpenKeys(record.Id, record.KeyHash, record.SealedApiKey, record.SealedSigningSecret),
            retiring is null ? null : OpenKeys(record.Id, retiring.KeyHash, retiring.SealedApiKey, retiring.SealedSigningSecret),
            DateTimeOffset.FromUnixTimeMilliseconds(retiring?.Until ?? 0));
        var policy = DeliveryPolicy.From(delivery.Value, record.Delivery);
        return new Agent(
            record.Id, record.Version, keys, policy == _serversPolicy ? _serversPolicy : policy, OpenSource(record), OpenHttpEndpoint(record), record.SealedHttpEndpoint);
    }

    private AgentKeyPair OpenKeys(RelayId id, byte[] hash, string sealedApiKey, string sealedSigningSecret) =>
        ApiKey.TryParse(secrets.Open(sealedApiKey, ApiKeyPurpose(id)), out var apiKey)
        & SigningSecret.TryParse(secrets.Open(sealedSigningSecret, SigningSecretPurpose(id)), out var signingSecret)
            ? new AgentKeyPair(hash, apiKey!, signingSecret!)
            : throw new CryptographicException($"The secrets kept for {id} have an unknown form.");

    private Uri? OpenHttpEndpoint(AgentRecord record) =>
        record.SealedHttpEndpoint is { } sealedEndpoint ? new Uri(secrets.Open(sealedEndpoint, HttpEndpointPurpose(record.Id))) : null;

    /// <summary>A source that this version cannot read or does not know must not let anything pass.</summary>
    private ISource? OpenSource(AgentRecord record)
    {
        if (record.SealedSource is not { } sealedSource)
        {
            return null;
        }

        var settings = JsonSerializer.Deserialize(secrets.Open(sealedSource, SourcePurpose(record.Id)), ApiJson.Default.SourceSettings) ?? new SourceSettings();
        return sources.Create(settings).Source ?? throw new CryptographicException($"The source kept for {record.Id} is not known to this version.");
    }
}
