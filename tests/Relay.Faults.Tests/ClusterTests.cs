using Xunit.Abstractions;

namespace Relay.Faults.Tests;

/// <summary>Three nodes and a Redis Cluster of six servers, whose slots move and whose primaries change under load.</summary>
public sealed class ClusterTests(ITestOutputHelper output)
{
    private const int SlotsMoved = 60;

    [Fact]
    public async Task Slots_that_move_and_primaries_that_hand_over_lose_nothing_and_dead_ones_what_was_not_replicated()
    {
        await using var cluster = await RedisCluster.StartAsync();
        await using var fleet = await Fleet.StartAsync(cluster.ConnectionString);
        var primaries = await cluster.PrimariesAsync();

        await fleet.FailAsync($"{SlotsMoved} slots moved", () => RedisCluster.ReshardAsync(primaries[0], primaries[1], SlotsMoved));
        await fleet.FailAsync("each agent's slot moved", async () =>
        {
            foreach (var agent in fleet.Agents)
            {
                await (await cluster.BeginMoveAsync($"relay:{{{agent.RelayId}}}")).EndAsync();
            }
        });
        await fleet.FailAsync("each primary handed over", async () =>
        {
            foreach (var primary in await cluster.PrimariesAsync())
            {
                var replica = await cluster.ReplicaOfAsync(primary);
                Assert.Equal("+OK", await replica.SendAsync("CLUSTER FAILOVER"));
                await Tally.WhenAsync(replica.IsPrimaryAsync);
                await cluster.WhenWholeAsync();
            }
        });

        await FailPrimaryAsync(cluster, fleet, "killed", static primary => primary.KillAsync());
        var frozen = await FailPrimaryAsync(cluster, fleet, "frozen", static primary => primary.FreezeAsync());
        await frozen.ThawAsync();

        await fleet.AssertNothingLostAsync(output, "three nodes, Redis Cluster");
    }

    /// <summary>Of a primary that has its replica still.</summary>
    private static async Task<RedisServer> FailPrimaryAsync(RedisCluster cluster, Fleet fleet, string how, Func<RedisServer, Task> fail)
    {
        var (primary, replica) = await cluster.PairAsync();
        await fleet.FailAtRiskAsync($"primary {how}", () => primary.WhenReplicatedAsync(replica), async () =>
        {
            await fail(primary);
            await Tally.WhenAsync(replica.IsPrimaryAsync);
        });
        return primary;
    }
}
