using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Ingest.Sources;

namespace Relay.Server.Agents;

/// <summary>
/// An agent in use, its secrets opened: what is needed to serve it, and not its record, since there is one for as long as each connection.
/// Never serialized, never logged.
/// </summary>
internal sealed class Agent(
    RelayId id, long version, AgentKeys keys, DeliveryPolicy policy, ISource? source, Uri? httpEndpoint, string? sealedHttpEndpoint)
{
    public RelayId Id { get; } = id;

    /// <summary>The <see cref="AgentRecord.Version"/> of its record.</summary>
    public long Version { get; } = version;

    /// <summary>SHA-256 of the key by which the agent was found; null when it was found by its id.</summary>
    public byte[]? KeyHash { get; private init; }

    /// <summary>When that key ends; null: its end is not known.</summary>
    public DateTimeOffset? OpenUntil => keys.IsRetiring(KeyHash) ? keys.RetiresAt : null;

    /// <summary>How its events are delivered.</summary>
    public DeliveryPolicy Policy { get; } = policy;

    /// <summary>Who must have signed what is accepted for it; null: anybody may send.</summary>
    public ISource? Source { get; } = source;

    /// <summary>Where to post when no connection is there, or always. May have a secret in it.</summary>
    public Uri? HttpEndpoint { get; } = httpEndpoint;

    /// <summary>The same as its record has it: one that is set anew is sealed otherwise.</summary>
    public string? SealedHttpEndpoint { get; } = sealedHttpEndpoint;

    /// <summary>How its events are delivered over connections: not at all, if they are always posted.</summary>
    public DeliveryPolicy ConnectionPolicy => HttpEndpoint is not null && Policy.PostsAlways ? Policy with { Paused = true } : Policy;

    /// <summary>What signs its deliveries now: with the api key by which it was found, or the newest.</summary>
    public SigningKeys SigningKeys(DateTimeOffset now) => keys.At(KeyHash, now);

    /// <summary>The agent as a key opens it.</summary>
    /// <returns>Null: the key opens nothing, or nothing any more.</returns>
    public Agent? OpenedWith(byte[] keyHash, DateTimeOffset now)
    {
        if (keys.FindHash(keyHash, now) is not { } known)
        {
            return null;
        }

        return KeyHash == known ? this : new Agent(Id, Version, keys, Policy, Source, HttpEndpoint, SealedHttpEndpoint) { KeyHash = known };
    }
}
