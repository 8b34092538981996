using System.Globalization;
using System.Text.RegularExpressions;
using Relay.Protocol;
using Relay.Server.Activities;
using Relay.Server.Admin;
using Relay.Server.Agents;
using Relay.Server.Audit;
using Relay.Server.Connections;
using Relay.Server.Delivery;
using Relay.Server.Limits;
using static Relay.Server.Tests.Storage.Redis.RedisTestEvents;

namespace Relay.Server.Tests.Storage.Redis;

/// <summary>docs/redis.md lists every key that the relay makes, with its type and how long it lives, and that is so.</summary>
public sealed partial class DocumentedKeysTests
{
    private const string Prefix = "relay:";

    [Fact]
    public async Task Every_key_is_documented_with_its_type_and_has_the_life_that_is_said()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var store = await RedisStore.StartAsync(redis);
        await UseAsync(store);

        var documented = Documented().ToArray();
        var seen = new HashSet<string>();
        foreach (var key in await redis.ListAsync("KEYS *"))
        {
            Assert.StartsWith(Prefix, key, StringComparison.Ordinal);
            var row = Assert.Single(documented, row => row.Pattern.IsMatch(key[Prefix.Length..]));
            Assert.Equal(row.Type, (await redis.SendAsync($"TYPE {key}"))[1..]);
            var milliseconds = long.Parse((await redis.SendAsync($"PTTL {key}")).AsSpan(1), CultureInfo.InvariantCulture);
            Assert.True(row.Lives == LivesFor.Ever ? milliseconds == -1 : row.Lives == LivesFor.AWhile ? milliseconds >= 0 : true, $"{key}: {milliseconds}");
            seen.Add(row.Name);
        }

        Assert.Empty(documented.Select(row => row.Name).Except(seen));
    }

    [Fact]
    public async Task An_agent_that_comes_and_goes_leaves_no_more_than_one_that_came_once()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var store = await RedisStore.StartAsync(redis, options: new DeliveryOptions { DeliveredRetention = TimeSpan.Zero });
        var agent = RelayId.New();

        await RoundsAsync(store, agent, 1);
        var (keys, bytes) = await SizeAsync(redis);
        await RoundsAsync(store, agent, 200);

        Assert.Equal(keys, (await SizeAsync(redis)).Keys);
        Assert.InRange((await SizeAsync(redis)).Bytes, 0, bytes + 64); // Numbers have more digits.
    }

    private static async Task RoundsAsync(RedisStore store, RelayId agent, int rounds)
    {
        for (var round = 0; round < rounds; round++)
        {
            var session = SessionId.New();
            await store.Presence.AnnounceAsync(agent, Now, Now.AddMinutes(1));
            await store.Queue.ClaimAsync(agent, session, Now);
            var ready = await store.Queue.AcceptAsync(NewEvent(agent), Terms());
            var leased = (await store.Queue.LeaseAllAsync(agent, session)).Events;
            Assert.Equal([ready.Id], leased.Select(one => one.Id));
            await store.Queue.SettleAsync(agent, [Ack(ready.Id, session)], Now);
            await store.Presence.WithdrawAsync(agent, Now);
        }
    }

    private static async Task<(string Keys, long Bytes)> SizeAsync(RedisServer redis)
    {
        var keys = (await redis.ListAsync("KEYS *")).Order(StringComparer.Ordinal).ToArray();
        var bytes = 0L;
        foreach (var key in keys)
        {
            bytes += long.Parse((await redis.SendAsync($"MEMORY USAGE {key}")).AsSpan(1), CultureInfo.InvariantCulture);
        }

        return (string.Join('\n', keys), bytes);
    }

    /// <summary>Everything that makes a key.</summary>
    private static async Task UseAsync(RedisStore store)
    {
        var (agent, session, key) = (RelayId.New(), SessionId.New(), ApiKey.New());
        await store.Agents.AddAsync(
            new AgentRecord { Id = agent, KeyHash = key.Hash(), SealedApiKey = "k", SealedSigningSecret = "s", CreatedAt = 1 }, CancellationToken.None);
        await store.Agents.NoteUsesAsync([new KeyUse(agent, key.Hash(), 1)]);
        await store.AdminKeys.AddAsync(new AdminKeyRecord { Id = "key_1", Name = "n", Role = AdminRole.Admin, KeyHash = new byte[32], CreatedAt = 1 });
        await store.Audit.AppendAsync(new AuditEntry { At = 1, Act = AuditActs.Register, Outcome = "ok" });
        await store.Log.AppendAsync(agent, [new ActivityEntry { At = 1, Type = ActivityType.Connected }]);
        foreach (var kind in Enum.GetValues<AgendaKind>())
        {
            await store.Agenda.SetAsync(kind, agent, Now);
        }

        await store.Presence.AnnounceAsync(agent, Now, Now.AddMinutes(1));
        await store.Roster.ReportAsync(connections: 1, Now, Now.AddMinutes(1));
        await store.Statistics.AddAsync(hour: 1, new Dictionary<string, long> { ["accepted"] = 1 });
        foreach (var counted in new[] { LimitKey.Of(agent), new LimitKey("from:0123456789abcdef"), LimitKey.Wrong(1), LimitKey.WrongFor(agent.Value) })
        {
            await store.Permits.TakeAsync(counted, perMinute: 10, wanted: 1, Now);
            await store.Seats.TakeAsync(counted, new SeatCount(1, 0), new SeatCount(10, 10), Now, Now.AddMinutes(1));
        }

        Assert.Null(await store.Health.CheckAsync(CancellationToken.None));

        await store.Queue.ClaimAsync(agent, session, Now);
        var order = new byte[16];
        SettlementKind[] kinds = [SettlementKind.Ack, SettlementKind.DeadLetter, SettlementKind.Expire, SettlementKind.Retry];
        foreach (var kind in kinds)
        {
            var id = (await store.Queue.AcceptAsync(NewEvent(agent), Terms(session))).Id;
            await store.Queue.SettleAsync(agent, [Ack(id, session) with { Kind = kind, DueAt = Now.AddHours(1) }], Now);
        }

        await store.Queue.AcceptAsync(NewEvent(agent) with { OrderingKey = [.. Enumerable.Repeat((byte)1, 16)] }, Terms(session));
        await store.Queue.AcceptAsync(NewEvent(agent, key: new byte[16]), Terms(session));
        await store.Queue.AcceptAsync(NewEvent(agent) with { OrderingKey = order }, Terms());
        await store.Queue.AcceptAsync(NewEvent(agent) with { OrderingKey = order }, Terms());
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => store.Queue.AcceptAsync(NewEvent(agent), Terms())));
    }

    /// <summary>The rows of the table: | `key` | TYPE | slot | life | size |.</summary>
    private static IEnumerable<Row> Documented()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder!.FullName, "Relay.sln")))
        {
            folder = folder.Parent;
        }

        foreach (var line in File.ReadLines(Path.Combine(folder.FullName, "docs", "redis.md")))
        {
            if (TableRow().Match(line) is { Success: true } match)
            {
                var (name, life) = (match.Groups["key"].Value, match.Groups["life"].Value);
                yield return new Row(
                    name,
                    new Regex("^" + Regex.Escape(name).Replace("<counted>", "[^{}]+", StringComparison.Ordinal).Replace("…", "[0-9a-f]+", StringComparison.Ordinal) + "$", RegexOptions.CultureInvariant),
                    match.Groups["type"].Value.ToLowerInvariant(),
                    life.StartsWith("for ever", StringComparison.Ordinal) ? LivesFor.Ever : life.StartsWith("until", StringComparison.Ordinal) ? LivesFor.ItsUse : LivesFor.AWhile);
            }
        }
    }

    [GeneratedRegex(@"^\| `(?<key>[^`]+)` \| (?<type>STRING|HASH|ZSET|LIST|STREAM) \| [^|]+ \| (?<life>[^|]+) \|", RegexOptions.CultureInvariant)]
    private static partial Regex TableRow();

    private enum LivesFor
    {
        /// <summary>It has no time to live.</summary>
        Ever,

        /// <summary>Something removes it, or gives it a time to live.</summary>
        ItsUse,

        /// <summary>It has a time to live from the start.</summary>
        AWhile,
    }

    private sealed record Row(string Name, Regex Pattern, string Type, LivesFor Lives);
}
