using Relay.Protocol;
using Relay.Server.Audit;
using Relay.Server.Delivery;
using Relay.Server.Storage;
using static Relay.Server.Tests.Storage.Redis.RedisTestEvents;

namespace Relay.Server.Tests.Storage.Redis;

/// <summary>
/// While a cluster moves a slot, some of an agent's keys are on one server and some on another. A script that found only some of them would
/// stop half-way, or not know what waits.
/// </summary>
[Collection("cluster")]
public sealed class SlotMoveTests(ClusterFixture cluster) : IAsyncLifetime
{
    private readonly RelayId _agent = RelayId.New();
    private readonly SessionId _session = SessionId.New();
    private RedisStore _store = null!;

    private IDeliveryQueue Queue => _store.Queue;

    private string Key => $"{_agent}:{{{_agent}}}";

    public async Task InitializeAsync() => _store = await RedisStore.StartAsync(cluster.Cluster.ConnectionString, $"{_agent}:");

    public async Task DisposeAsync() => await _store.DisposeAsync();

    [Theory]
    [InlineData("")]
    [InlineData(":ready")]
    [InlineData(":leased")]
    [InlineData(":queued")]
    public async Task A_moving_slot_refuses_whole_calls_and_loses_nothing(string first)
    {
        await Queue.ClaimAsync(_agent, _session, Now);
        var held = (await Queue.AcceptAsync(NewEvent(_agent), Terms(_session))).Id;
        var ready = (await Queue.AcceptAsync(NewEvent(_agent), Terms())).Id;
        Settlement[] settlements = [Ack(held, _session) with { Kind = SettlementKind.Retry, DueAt = Now }];

        var move = await cluster.Cluster.BeginMoveAsync(Key);
        for (var moved = false; !moved;)
        {
            await RefusedAsync(() => Queue.AcceptAsync(NewEvent(_agent), Terms()));
            await RefusedAsync(() => Queue.AcceptAsync(NewEvent(_agent), Terms(_session)));
            await RefusedAsync(() => Queue.LeaseAllAsync(_agent, _session));
            await RefusedAsync(() => Queue.SettleAsync(_agent, settlements, Now));
            await RefusedAsync(() => Queue.ClaimAsync(_agent, _session, Now));
            var left = await move.KeysLeftAsync();
            moved = left.Length == 0;
            if (!moved)
            {
                await move.MoveAsync([left.FirstOrDefault(key => key == Key + first) ?? left[0]]);
            }
        }

        await move.EndAsync();
        await UntilAsync(async () => (await Queue.SettleAsync(_agent, settlements, Now)) is [SettleResult.Settled]);
        Assert.Equal(2, (await Queue.ClaimAsync(_agent, _session, Now)).Unsettled);
        Assert.Equal([held, ready], (await Queue.LeaseAllAsync(_agent, _session)).Events.Select(one => one.Id));
    }

    [Fact]
    public async Task A_moving_slot_splits_no_log()
    {
        var entry = new AuditEntry { At = 1, Act = AuditActs.Register, Outcome = "ok" };
        await _store.Audit.AppendAsync(entry);
        var move = await cluster.Cluster.BeginMoveAsync($"{_agent}:{{audit}}:log");

        await RefusedAsync(() => _store.Audit.AppendAsync(entry));

        await move.EndAsync();
        await UntilAsync(async () =>
        {
            await _store.Audit.AppendAsync(entry);
            return true;
        });
        Assert.Equal(2, (await _store.Audit.ReadAsync(before: null, limit: 10)).Entries.Count);
    }

    private static async Task RefusedAsync(Func<Task> call) => await Assert.ThrowsAsync<StoreUnavailableException>(call);
}
