using System.Net;
using Xunit.Abstractions;

namespace Relay.Faults.Tests;

/// <summary>The network between nodes and Redis is cut, and slow. The output says by what means.</summary>
public sealed class NetworkTests(ITestOutputHelper output)
{
    [Fact]
    public async Task A_node_that_is_cut_off_from_Redis_refuses_and_nothing_is_lost()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var first = await RedisLink.CreateAsync(redis);
        await using var second = await RedisLink.CreateAsync(redis);
        await using var third = await RedisLink.CreateAsync(redis);
        RedisLink[] links = [first, second, third];
        await using var fleet = await Fleet.StartAsync(links);

        await fleet.FailAsync("one node cut off until it refuses", async () =>
        {
            await first.CutAsync();
            await Tally.WhenAsync(async () => await fleet.Nodes[0].ReadyAsync() == HttpStatusCode.ServiceUnavailable);
            Assert.Equal(HttpStatusCode.OK, await fleet.Nodes[1].ReadyAsync());
            await first.HealAsync();
        });
        await fleet.FailAsync("all slow", () => Task.WhenAll(links.Select(static link => link.SlowDownAsync())));

        await fleet.AssertNothingLostAsync(output, $"three nodes, one Redis, {first.Means}");
    }
}
