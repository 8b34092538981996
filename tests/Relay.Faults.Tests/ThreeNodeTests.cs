using Xunit.Abstractions;

namespace Relay.Faults.Tests;

/// <summary>Three nodes on one Redis, killed one after the other under load.</summary>
public sealed class ThreeNodeTests(ITestOutputHelper output)
{
    [Fact]
    public async Task Killed_nodes_and_a_killed_Redis_lose_nothing()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var fleet = await Fleet.StartAsync(redis.ConnectionString);

        foreach (var node in fleet.Nodes)
        {
            await fleet.FailAsync("node killed", async () =>
            {
                await node.KillAsync();
                await node.StartAsync();
            });
        }

        await fleet.FailAsync("Redis killed", async () =>
        {
            await redis.KillAsync();
            await redis.RestartAsync();
        });

        await fleet.AssertNothingLostAsync(output, "three nodes, one Redis");
    }
}
