using System.Net;
using Xunit.Abstractions;

namespace Relay.Faults.Tests;

/// <summary>Three nodes and a primary with replicas, of which one takes over under load.</summary>
public sealed class FailoverTests(ITestOutputHelper output)
{
    /// <summary>The last step of a failover is that replicas follow the new primary: in a test at once, not after five seconds.</summary>
    private static readonly string[] Fast = ["--repl-diskless-sync-delay", "0"];

    [Fact]
    public async Task Sentinels_say_who_the_primary_is()
    {
        await using var first = await RedisServer.StartAsync(Fast);
        await using var second = await RedisServer.StartAsync(Fast);
        await using var third = await RedisServer.StartAsync(Fast);
        await Task.WhenAll(second.FollowAsync(first), third.FollowAsync(first));
        await using var sentinel1 = await RedisServer.StartSentinelAsync("events", first);
        await using var sentinel2 = await RedisServer.StartSentinelAsync("events", first);
        await using var sentinel3 = await RedisServer.StartSentinelAsync("events", first);
        RedisServer[] sentinels = [sentinel1, sentinel2, sentinel3];
        await Tally.WhenAsync(async () => (await Task.WhenAll(sentinels.Select(static one => one.ReadAsync("INFO sentinel")))).All(
            static info => info.Contains("slaves=2,sentinels=3", StringComparison.Ordinal)));
        await using var fleet = await Fleet.StartAsync($"{string.Join(',', sentinels.Select(static one => one.ConnectionString))},serviceName=events");

        await fleet.FailAtRiskAsync(
            "primary killed",
            () => Task.WhenAll(first.WhenReplicatedAsync(second), first.WhenReplicatedAsync(third)),
            async () =>
            {
                await first.KillAsync();
                await Tally.WhenAsync(async () => await second.IsPrimaryAsync() || await third.IsPrimaryAsync());
            });

        await fleet.AssertNothingLostAsync(output, "three nodes, Sentinel");
    }

    [Fact]
    public async Task A_primary_that_hands_over_loses_nothing_and_one_that_comes_back_is_not_believed()
    {
        await using var first = await RedisServer.StartAsync(Fast);
        await using var second = await RedisServer.StartAsync(Fast);
        await second.FollowAsync(first);
        await using var fleet = await Fleet.StartAsync($"{first.ConnectionString},{second.ConnectionString}");

        await fleet.FailAsync("handed over", async () =>
        {
            Assert.Equal("+OK", await first.SendAsync($"FAILOVER TO 127.0.0.1 {second.Port}"));
            await Tally.WhenAsync(second.IsPrimaryAsync);
        });
        await first.FollowAsync(second);

        // From here on only the first has what is accepted: the second comes back as a primary, with what it had.
        await fleet.FailAtRiskAsync("killed, replica promoted by hand", () => second.WhenReplicatedAsync(first), async () =>
        {
            await second.KillAsync();
            Assert.Equal("+OK", await first.SendAsync("REPLICAOF NO ONE"));
        });
        await second.RestartAsync(Fast);
        var node = fleet.Nodes[0];
        await node.KillAsync();
        node.Launch();
        await node.WhenAliveAsync();
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await node.ReadyAsync());
        await fleet.FailAsync("node started while two said that they are the primary, until one is made a replica", async () =>
        {
            await second.FollowAsync(first);
            await node.WhenReadyAsync();
        });

        await fleet.AssertNothingLostAsync(output, "three nodes, a primary and a replica");
    }
}
