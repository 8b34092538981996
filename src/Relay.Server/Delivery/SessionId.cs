using System.Security.Cryptography;
using Relay.Protocol;

namespace Relay.Server.Delivery;

/// <summary>
/// To whom events are leased, also in logs and histories: a connection, <c>ses_</c> and 20 hex digits; a connection that shares the agent
/// with others, <c>shr_</c> and as many; a node that posts to an agent's endpoint, <c>http_</c> and as many; or an agent's polls, <c>poll_</c>
/// and the agent's hex digits. Stores tell them apart by that beginning.
/// </summary>
internal readonly record struct SessionId(string Value)
{
    private const string ExclusivePrefix = "ses_";
    private const string SharedPrefix = "shr_";
    private const string HttpPrefix = "http_";
    private const string PollPrefix = "poll_";

    /// <summary>Whether it is handed events only while it holds the claim.</summary>
    public bool NeedsClaim => Value.StartsWith(ExclusivePrefix, StringComparison.Ordinal);

    /// <summary>Whether it is one of several connections that share the agent.</summary>
    public bool IsSharing => Value.StartsWith(SharedPrefix, StringComparison.Ordinal);

    /// <summary>Whether the agent has it open: another's claim takes what it holds.</summary>
    public bool IsConnection => !IsPoll && !IsHttp;

    /// <summary>Polls of one agent are one session: who nacks need not be who leased. What they do not finish counts each time.</summary>
    public bool IsPoll => Value.StartsWith(PollPrefix, StringComparison.Ordinal);

    /// <summary>How events are handed out to it, as histories say it.</summary>
    public string Via => IsPoll ? "poll" : IsHttp ? "http" : "websocket";

    private bool IsHttp => Value.StartsWith(HttpPrefix, StringComparison.Ordinal);

    public static SessionId New() => New(ExclusivePrefix);

    public static SessionId NewHttp() => New(HttpPrefix);

    public static SessionId PollOf(RelayId agent) => new(PollPrefix + agent.Value["agt_".Length..]);

    /// <summary>The same name for a connection that shares its agent.</summary>
    public SessionId AsShared() => new(SharedPrefix + Value[ExclusivePrefix.Length..]);

    public override string ToString() => Value;

    private static SessionId New(string prefix) => new(prefix + RandomNumberGenerator.GetHexString(20, lowercase: true));
}
