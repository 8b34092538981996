using System.Security.Cryptography;
using Relay.Protocol;

namespace Relay.Server.Delivery;

/// <summary>
/// To whom events are leased, also in logs and histories: a connection, <c>ses_</c> and 20 hex digits, or an agent's polls, <c>poll_</c>
/// and the agent's hex digits. Stores tell them apart by that beginning.
/// </summary>
internal readonly record struct SessionId(string Value)
{
    public const string PollPrefix = "poll_";

    /// <summary>Polls of one agent are one session: who nacks need not be who leased.</summary>
    public bool IsPoll => Value.StartsWith(PollPrefix, StringComparison.Ordinal);

    /// <summary>How events are handed out to it, as histories say it.</summary>
    public string Via => IsPoll ? "poll" : "websocket";

    public static SessionId New() => new("ses_" + RandomNumberGenerator.GetHexString(20, lowercase: true));

    public static SessionId PollOf(RelayId agent) => new(PollPrefix + agent.Value["agt_".Length..]);

    public override string ToString() => Value;
}
