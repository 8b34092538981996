using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Ingest.Sources;

namespace Relay.Server.Agents;

/// <summary>An agent in use, its secrets opened. Never serialized, never logged.</summary>
internal sealed class Agent(AgentRecord record, SigningKeys keys, DeliveryPolicy policy, ISource? source, Uri? httpEndpoint)
{
    public RelayId Id => Record.Id;

    public AgentRecord Record { get; } = record;

    public SigningKeys Keys { get; } = keys;

    /// <summary>How its events are delivered.</summary>
    public DeliveryPolicy Policy { get; } = policy;

    /// <summary>Who must have signed what is accepted for it; null: anybody may send.</summary>
    public ISource? Source { get; } = source;

    /// <summary>Where to post when no connection is there, or always. May have a secret in it.</summary>
    public Uri? HttpEndpoint { get; } = httpEndpoint;

    /// <summary>How its events are delivered over connections: not at all, if they are always posted.</summary>
    public DeliveryPolicy ConnectionPolicy => HttpEndpoint is not null && Policy.PostsAlways ? Policy with { Paused = true } : Policy;
}
