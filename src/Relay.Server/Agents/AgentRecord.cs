using System.Text.Json;
using Relay.Protocol;
using Relay.Server.Delivery;

namespace Relay.Server.Agents;

/// <summary>An agent as it is kept: its secrets only hashed (for the check) and encrypted (for signing).</summary>
internal sealed record AgentRecord
{
    public required RelayId Id { get; init; }

    /// <summary>SHA-256 of the api key, 32 bytes. Unique: the key alone finds its agent.</summary>
    public required byte[] KeyHash { get; init; }

    /// <summary>The api key, as <see cref="SecretBox"/> sealed it.</summary>
    public required string SealedApiKey { get; init; }

    /// <summary>The signing secret, as <see cref="SecretBox"/> sealed it.</summary>
    public required string SealedSigningSecret { get; init; }

    /// <summary>The keys before the last rotation, for as long as they hold beside the new ones.</summary>
    public RetiringKeys? Retiring { get; init; }

    /// <summary>Whose signatures are checked and with which secrets: <see cref="SourceSettings"/>, as <see cref="SecretBox"/> sealed their JSON.</summary>
    public string? SealedSource { get; init; }

    /// <summary>Where to post when no connection is there, as <see cref="SecretBox"/> sealed it.</summary>
    public string? SealedHttpEndpoint { get; init; }

    /// <summary>There was an endpoint, and it answered 410: nothing is posted until another one is set.</summary>
    public bool HttpEndpointGone { get; init; }

    /// <summary>Unix ms.</summary>
    public required long CreatedAt { get; init; }

    /// <summary>False: the id is kept, nothing is accepted for it and its key opens nothing.</summary>
    public bool Active { get; init; } = true;

    public string? WorkspaceId { get; init; }

    public string? Name { get; init; }

    public JsonElement? Metadata { get; init; }

    /// <summary>What differs from the server's delivery options.</summary>
    public DeliverySettings? Delivery { get; init; }

    /// <summary>Grows by one with every change. A change is only taken if it was made from the version that is kept.</summary>
    public long Version { get; init; }

    /// <summary>SHA-256 of every key that is kept: those that find this agent.</summary>
    public IReadOnlyList<byte[]> ListKeyHashes() => Retiring is { } retiring ? [KeyHash, retiring.KeyHash] : [KeyHash];

    /// <summary>Without the keys before the last rotation, if their time is over.</summary>
    public AgentRecord WithoutEndedKeys(DateTimeOffset now) =>
        Retiring is { } retiring && retiring.Until <= now.ToUnixTimeMilliseconds() ? this with { Retiring = null } : this;
}

/// <summary>Keys that a rotation replaced, as they are kept until their time is over.</summary>
internal sealed record RetiringKeys
{
    /// <summary>SHA-256 of the api key, 32 bytes.</summary>
    public required byte[] KeyHash { get; init; }

    /// <summary>The api key, as <see cref="SecretBox"/> sealed it.</summary>
    public required string SealedApiKey { get; init; }

    /// <summary>The signing secret, as <see cref="SecretBox"/> sealed it.</summary>
    public required string SealedSigningSecret { get; init; }

    /// <summary>Unix ms: from then on the key opens nothing and the secret signs nothing.</summary>
    public required long Until { get; init; }
}
