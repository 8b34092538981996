using Relay.Protocol;
using Relay.Server.Delivery;

namespace Relay.Server.Agents;

/// <summary>An agent in use, its secrets opened. Never serialized, never logged.</summary>
internal sealed class Agent(AgentRecord record, SigningKeys keys, DeliveryPolicy policy)
{
    public RelayId Id => Record.Id;

    public AgentRecord Record { get; } = record;

    public SigningKeys Keys { get; } = keys;

    /// <summary>How its events are delivered.</summary>
    public DeliveryPolicy Policy { get; } = policy;
}
