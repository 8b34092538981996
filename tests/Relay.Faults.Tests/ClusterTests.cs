using Xunit.Abstractions;

namespace Relay.Faults.Tests;

/// <summary>Three nodes and a Redis Cluster of six servers, whose slots move and whose primaries change under load.</summary>
public sealed class ClusterTests(ITestOutputHelper output)
{
    private const int SlotsMoved = 60;

    [Fact]
    public async Task Slots_that_move_and_orderly_failovers_lose_nothing()
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
                await Tally.WhenAsync(async () => (await replica.ReadAsync("INFO replication")).Contains("role:master", StringComparison.Ordinal));
                await cluster.WhenWholeAsync();
            }
        });

        await fleet.AssertNothingLostAsync(output, "three nodes, Redis Cluster, resharded and handed over");
    }

    [Theory]
    [InlineData("killed")]
    [InlineData("frozen")]
    public async Task A_dead_primary_loses_at_most_what_its_replica_had_not_got(string how)
    {
        await using var cluster = await RedisCluster.StartAsync();
        await using var fleet = await Fleet.StartAsync(cluster.ConnectionString);
        var primary = await cluster.PrimaryOfAsync($"relay:{{{fleet.Agents.First().RelayId}}}");
        var replica = await cluster.ReplicaOfAsync(primary);

        var lost = fleet.LostOfThese();
        await primary.WhenReplicatedAsync(replica);
        await fleet.FailAsync($"primary {how}", async () =>
        {
            await (how == "killed" ? primary.KillAsync() : primary.FreezeAsync());
            await Tally.WhenAsync(async () => (await replica.ReadAsync("INFO replication")).Contains("role:master", StringComparison.Ordinal));
        });

        await fleet.AssertNotLostAsync(output, $"three nodes, Redis Cluster, a primary {how}", lost);
    }
}
