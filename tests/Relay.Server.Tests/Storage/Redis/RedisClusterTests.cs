using Relay.Protocol;
using Relay.Server.Admin;
using Relay.Server.Agents;
using Relay.Server.Audit;
using Relay.Server.Delivery;
using static Relay.Server.Tests.Storage.Redis.RedisTestEvents;

namespace Relay.Server.Tests.Storage.Redis;

/// <summary>In cluster mode Redis refuses scripts that touch several slots, also on the one node that is enough to show it.</summary>
public sealed class RedisClusterTests : IAsyncLifetime
{
    private RedisServer _server = null!;

    public async Task InitializeAsync()
    {
        _server = RedisServer.NotStarted();
        await _server.RestartAsync("--cluster-enabled", "yes");
        Assert.Equal("+OK", await _server.SendAsync("CLUSTER ADDSLOTSRANGE 0 16383"));
        await UntilAsync(async () => await _server.SendAsync("SET probe 1") == "+OK");
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Every_operation_works_in_a_cluster()
    {
        await using var store = await RedisStore.StartAsync(_server);
        for (var i = 0; i < 8; i++)
        {
            await ExerciseAsync(store, RelayId.New());
        }

        Assert.Equal(8, (await store.Agents.ListAsync(after: null, limit: 10, CancellationToken.None)).Agents.Count);

        var key = new AdminKeyRecord { Id = "key_1", Name = "n", Role = AdminRole.Admin, KeyHash = new byte[32], CreatedAt = 1 };
        await store.AdminKeys.AddAsync(key);
        Assert.Equal("key_1", Assert.Single(await store.AdminKeys.ListAsync()).Id);
        await store.Audit.AppendAsync(new AuditEntry { At = 1, Act = AuditActs.Register, Outcome = "ok" });
        Assert.Single((await store.Audit.ReadAsync(before: null, limit: 10)).Entries);

        Assert.Null(await store.Health.CheckAsync(CancellationToken.None));
        Assert.Empty(store.Logged);
    }

    private static async Task ExerciseAsync(RedisStore store, RelayId agent)
    {
        var (queue, session, key) = (store.Queue, SessionId.New(), ApiKey.New());
        var record = new AgentRecord { Id = agent, KeyHash = key.Hash(), SealedApiKey = "k", SealedSigningSecret = "s", CreatedAt = 1 };
        await store.Agents.AddAsync(record, CancellationToken.None);
        Assert.Equal(agent, (await store.Agents.FindByKeyAsync(key.Hash(), CancellationToken.None))?.Id);

        var (claims, changes) = (0, 0);
        await using var listening = await queue.SubscribeAsync(agent, signal =>
        {
            claims += signal.ClaimedBy == session ? 1 : 0;
            changes += signal.AgentChanged ? 1 : 0;
        });
        Assert.True(await store.Agents.UpdateAsync(record with { Name = "n" }, CancellationToken.None));
        await UntilAsync(() => Task.FromResult(changes == 1));
        await queue.ClaimAsync(agent, session, Now);
        await UntilAsync(() => Task.FromResult(claims == 1));

        var leased = await queue.AcceptAsync(NewEvent(agent, key: new byte[16]), Terms(session));
        var ready = await queue.AcceptAsync(NewEvent(agent), Terms());
        Assert.Equal(new AcceptResult(AcceptStatus.Duplicate, leased.Id), await queue.AcceptAsync(NewEvent(agent, key: new byte[16]), Terms()));
        Assert.Equal([ready.Id], (await queue.LeaseAllAsync(agent, session)).Events.Select(one => one.Id));
        Assert.Equal([true], await queue.ExtendAsync(agent, session, [ready.Id], Now.AddMinutes(2)));
        Assert.Equal(
            [SettleResult.Settled, SettleResult.Settled],
            await queue.SettleAsync(agent, [Ack(leased.Id, session), Ack(ready.Id, session)], Now));
        Assert.Equal(EventState.Delivered, (await queue.FindAsync(agent, leased.Id))?.State);
    }
}
