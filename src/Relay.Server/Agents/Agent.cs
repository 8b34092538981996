using Relay.Protocol;

namespace Relay.Server.Agents;

/// <summary>An agent in use, its secrets opened. Never serialized, never logged.</summary>
internal sealed class Agent(AgentRecord record, SigningKeys keys)
{
    public RelayId Id => Record.Id;

    public AgentRecord Record { get; } = record;

    public SigningKeys Keys { get; } = keys;
}
