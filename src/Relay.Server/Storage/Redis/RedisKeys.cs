using System.Globalization;
using Microsoft.Extensions.Options;
using Relay.Protocol;
using Relay.Server.Cluster;
using Relay.Server.Delivery;
using Relay.Server.Limits;
using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <summary>
/// The names of keys. All of one agent share the hash tag <c>{relay id}</c>, and with it a slot of Redis Cluster. docs/redis.md lists them, with
/// the type, life and size of each.
/// </summary>
internal sealed class RedisKeys
{
    private readonly string _prefix;

    /// <exception cref="InvalidOperationException">The prefix would change the hash tags.</exception>
    public RedisKeys(IOptions<StorageOptions> storage)
    {
        _prefix = storage.Value.KeyPrefix;
        if (_prefix.AsSpan().ContainsAny('{', '}'))
        {
            throw new InvalidOperationException("Relay:Storage:KeyPrefix must not contain braces: Redis Cluster places keys by what is between them.");
        }
    }

    /// <summary>What scripts get as their one key: they make the others from it.</summary>
    public string Agent(RelayId agent) => string.Concat(_prefix, "{", agent.Value, "}");

    /// <summary>The same for what is counted together.</summary>
    public string Limit(LimitKey key) => string.Concat(_prefix, "{", key.Name, "}");

    public string Permits(LimitKey key) => Limit(key) + ":permits";

    /// <summary>
    /// A key that is never there, named in every script call. A Redis Cluster that moves a slot runs no call for which a key is missing on
    /// either side, so that no script finds some of an agent's keys here and not those that are there.
    /// </summary>
    public static string Missing(string key) => key + ":none";

    public RedisChannel Signal(RelayId agent) => Agent(agent) + ":signal";

    /// <summary>Where a node hears what senders are answered; settle.lua makes the name too.</summary>
    public RedisChannel Answers(NodeIdentity node) => _prefix + node.Name;

    public RedisChannel Feed => _prefix + "feed";

    public RedisChannel FeedWanted => _prefix + "feed:wanted";

    public RedisChannel AgentChanges => _prefix + "agents:signal";

    public string Document(RelayId agent) => Agent(agent) + ":agent";

    public string KeyUses(RelayId agent) => Agent(agent) + ":uses";

    public string Nodes(RelayId agent) => Agent(agent) + ":nodes";

    public string AllAgents => _prefix + "agents";

    public string AdminKeys => _prefix + "admin_keys";

    /// <summary>What the scripts of logs get: they make the stream's name from it.</summary>
    public string Audit => _prefix + "{audit}";

    public string Agenda(AgendaKind kind) => string.Create(CultureInfo.InvariantCulture, $"{_prefix}{{agenda:{(int)kind}}}");

    public string KeyIndex(ReadOnlySpan<byte> keyHash) => _prefix + "key:" + Convert.ToHexStringLower(keyHash);

    /// <summary>The one hash of all nodes.</summary>
    public string Cluster => _prefix + "{nodes}";

    /// <param name="hour">Hours since the Unix epoch.</param>
    public string Counts(long hour) => string.Create(CultureInfo.InvariantCulture, $"{_prefix}{{counts:{hour}}}");

    public string Health(int lane) => string.Create(CultureInfo.InvariantCulture, $"{_prefix}{{health:{lane}}}");
}
