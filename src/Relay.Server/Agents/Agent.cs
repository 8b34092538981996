using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Ingest.Sources;

namespace Relay.Server.Agents;

/// <summary>An agent in use, its secrets opened. Never serialized, never logged.</summary>
internal sealed class Agent(AgentRecord record, SigningKeys keys, DeliveryPolicy policy, ISource? source)
{
    public RelayId Id => Record.Id;

    public AgentRecord Record { get; } = record;

    public SigningKeys Keys { get; } = keys;

    /// <summary>How its events are delivered.</summary>
    public DeliveryPolicy Policy { get; } = policy;

    /// <summary>Who must have signed what is accepted for it; null: anybody may send.</summary>
    public ISource? Source { get; } = source;
}
