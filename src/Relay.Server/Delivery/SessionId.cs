using System.Security.Cryptography;
using Relay.Protocol;

namespace Relay.Server.Delivery;

/// <summary>
/// To whom events are leased, also in logs and histories: a connection, <c>ses_</c> and 20 hex digits; a connection that shares the agent
/// with others, <c>shr_</c> and as many; or an agent's polls, <c>poll_</c> and the agent's hex digits. Stores tell them apart by that beginning.
/// </summary>
internal readonly record struct SessionId(string Value)
{
    public const string PollPrefix = "poll_";
    private const string ExclusivePrefix = "ses_";
    private const string SharedPrefix = "shr_";

    /// <summary>Whether it is handed events only while it holds the claim.</summary>
    public bool NeedsClaim => Value.StartsWith(ExclusivePrefix, StringComparison.Ordinal);

    /// <summary>Whether the agent has it open: losing it counts once, and a claim releases what it holds.</summary>
    public bool IsConnection => NeedsClaim || Value.StartsWith(SharedPrefix, StringComparison.Ordinal);

    /// <summary>Polls of one agent are one session: who nacks need not be who leased.</summary>
    public bool IsPoll => Value.StartsWith(PollPrefix, StringComparison.Ordinal);

    /// <summary>How events are handed out to it, as histories say it.</summary>
    public string Via => IsPoll ? "poll" : "websocket";

    public static SessionId New() => new(ExclusivePrefix + RandomNumberGenerator.GetHexString(20, lowercase: true));

    /// <summary>The same name for a connection that shares its agent.</summary>
    public SessionId AsShared() => new(SharedPrefix + Value[ExclusivePrefix.Length..]);

    public static SessionId PollOf(RelayId agent) => new(PollPrefix + agent.Value["agt_".Length..]);

    public override string ToString() => Value;
}
