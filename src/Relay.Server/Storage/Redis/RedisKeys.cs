using System.Globalization;
using Microsoft.Extensions.Options;
using Relay.Protocol;
using Relay.Server.Cluster;
using Relay.Server.Delivery;
using Relay.Server.Limits;
using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <summary>
/// The names of keys. All of one agent share the hash tag <c>{relay id}</c>, and with it a slot of Redis Cluster:
/// <list type="table">
/// <item><term><c>{agt_…}</c></term><description>HASH claim, events and bytes not settled, sequence, done_bytes, gaps; sharers: the connections that share it. Fixed size but for those</description></item>
/// <item><term><c>{agt_…}:ready</c></term><description>ZSET of event ids by sequence</description></item>
/// <item><term><c>{agt_…}:waiting</c></term><description>ZSET of event ids by due time</description></item>
/// <item><term><c>{agt_…}:leased</c></term><description>ZSET of event ids by deadline</description></item>
/// <item><term><c>{agt_…}:k:…</c></term><description>LIST of the event ids with one ordering key that are not settled, in order</description></item>
/// <item><term><c>{agt_…}:queued</c></term><description>ZSET of event ids, all of score 0 and so in their order: what is ready, held or waiting, to list</description></item>
/// <item><term><c>{agt_…}:delivered</c>, <c>:dead</c>, <c>:expired</c></term><description>the same of what is settled; live as long as their events</description></item>
/// <item><term><c>{agt_…}:done</c></term><description>ZSET of "id size" by time of delivery; lives as long as delivered events</description></item>
/// <item><term><c>{agt_…}:e:evt_…</c></term><description>HASH, one event; has a time to live once it is settled</description></item>
/// <item><term><c>{agt_…}:i:…</c></term><description>an idempotency key; lives as long as its window</description></item>
/// <item><term><c>{agt_…}:nodes</c></term><description>ZSET of nodes that have connections of the agent, by the time until which that is believed; lives as long</description></item>
/// <item><term><c>{…}:permits</c></term><description>HASH, how many more webhooks, requests or wrong keys of a <see cref="LimitKey"/> may come; lives until all may again</description></item>
/// <item><term><c>{…}:seats</c></term><description>HASH of nodes: how many connections of a <see cref="LimitKey"/> each has, and until when that is believed; lives as long</description></item>
/// <item><term><c>{agt_…}:log</c></term><description>STREAM of what happened with the agent, numbered from 1; lives 30 days after the last</description></item>
/// <item><term><c>{agt_…}:agent</c></term><description>the agent's document</description></item>
/// <item><term><c>{agt_…}:uses</c></term><description>HASH of when each of the agent's keys was last used, by the key's SHA-256</description></item>
/// <item><term><c>agents</c></term><description>ZSET of all relay ids, every score 0: the order is that of the ids</description></item>
/// <item><term><c>{agenda:…}</c></term><description>ZSET of relay ids by the time at which they are to be looked after; one for each <see cref="AgendaKind"/></description></item>
/// <item><term><c>key:…</c></term><description>the relay id of the agent that has the key</description></item>
/// <item><term><c>admin_keys</c></term><description>HASH of admin keys' documents by the SHA-256 of each</description></item>
/// <item><term><c>{audit}:log</c></term><description>STREAM of administrative acts, numbered from 1</description></item>
/// <item><term><c>{nodes}</c></term><description>HASH of the nodes that are there: until when that is believed, and how many connections; lives as long</description></item>
/// <item><term><c>{counts:…}</c></term><description>HASH of what all nodes counted in an hour; lives 25 hours after the last</description></item>
/// <item><term><c>{health:…}</c></term><description>written by health checks; lives a minute</description></item>
/// </list>
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

    public RedisChannel AgentChanges => _prefix + "agents:signal";

    public string Document(RelayId agent) => Agent(agent) + ":agent";

    public string KeyUses(RelayId agent) => Agent(agent) + ":uses";

    public string Nodes(RelayId agent) => Agent(agent) + ":nodes";

    public string AllAgents => _prefix + "agents";

    public string AdminKeys => _prefix + "admin_keys";

    /// <summary>What the scripts of logs get: they make the stream's name from it.</summary>
    public string Audit => _prefix + "{audit}";

    public string Agenda(AgendaKind kind) => string.Create(CultureInfo.InvariantCulture, $"{_prefix}{{agenda:{(int)kind}}}");

    public string Event(RelayId agent, EventId id) => Agent(agent) + ":e:" + id;

    public string KeyIndex(ReadOnlySpan<byte> keyHash) => _prefix + "key:" + Convert.ToHexStringLower(keyHash);

    /// <summary>The one hash of all nodes.</summary>
    public string Cluster => _prefix + "{nodes}";

    /// <param name="hour">Hours since the Unix epoch.</param>
    public string Counts(long hour) => string.Create(CultureInfo.InvariantCulture, $"{_prefix}{{counts:{hour}}}");

    public string Health(int lane) => string.Create(CultureInfo.InvariantCulture, $"{_prefix}{{health:{lane}}}");
}
