using System.Globalization;
using Relay.Protocol;

namespace Relay.Server.Limits;

/// <summary>What is counted together, by a name without braces.</summary>
internal readonly record struct LimitKey(string Name)
{
    /// <summary>An agent's webhooks, or its connections.</summary>
    public static LimitKey Of(RelayId agent) => new(agent.Value);

    /// <summary>Requests from an address, or connections.</summary>
    public static LimitKey From(ClientAddress address) => new(Named("from:", address.Value));

    /// <summary>Wrong keys from an address.</summary>
    public static LimitKey WrongFrom(ClientAddress address) => new(Named("wrong:from:", address.Value));

    /// <summary>Wrong keys for an identity.</summary>
    public static LimitKey WrongFor(string identity) => new("wrong:for:" + identity);

    /// <summary>One wrong key.</summary>
    /// <param name="hash">The first 64 bits of its hash.</param>
    public static LimitKey Wrong(ulong hash) => new(Named("wrong:key:", hash));

    private static string Named(string kind, ulong value) => string.Create(CultureInfo.InvariantCulture, $"{kind}{value:x16}");
}
