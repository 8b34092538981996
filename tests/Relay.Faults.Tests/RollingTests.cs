using System.Net.Http.Json;
using Relay.Protocol;
using Xunit.Abstractions;

namespace Relay.Faults.Tests;

/// <summary>Three nodes behind a proxy are stopped and started one after another, under load, as an update does it.</summary>
public sealed class RollingTests(ITestOutputHelper output)
{
    private const int Agents = 18;
    private const int AcceptedBetweenStops = 400;

    [Fact]
    public async Task A_rolling_restart_loses_nothing_repeats_nothing_and_leaves_the_agents_spread()
    {
        await using var redis = await RedisServer.StartAsync();
        (string, string)[] settings = [.. ServerProcess.FastRetries, ("Relay__Cluster__ReportInterval", "00:00:00.500"), ("Relay__Shutdown__ReadinessDelay", "00:00:00.200")];
        await using var first = await ServerProcess.StartAsync(redis.ConnectionString, settings);
        await using var second = await ServerProcess.StartAsync(redis.ConnectionString, settings);
        await using var third = await ServerProcess.StartAsync(redis.ConnectionString, settings);
        ServerProcess[] nodes = [first, second, third];
        await using var proxy = new CutProxy([.. nodes.Select(static node => node.Url)]);
        using var http = new HttpClient { BaseAddress = proxy.Url, Timeout = TimeSpan.FromSeconds(10) };
        List<(Tally Tally, Receiver Receiver, Senders Senders)> all = [];
        for (var i = 0; i < Agents; i++)
        {
            var (agent, tally) = (await first.RegisterAsync(), new Tally());
            all.Add((tally, new Receiver(proxy.Url, agent, tally), new Senders(http, agent, tally, count: 1)));
        }

        Tally[] tallies = [.. all.Select(static one => one.Tally)];
        foreach (var node in nodes)
        {
            await Tally.WhenAcceptedAsync(tallies, AcceptedBetweenStops);
            Assert.Equal(0, await node.StopAsync());
            await Tally.WhenAcceptedAsync(tallies, AcceptedBetweenStops);
            await node.StartAsync();
        }

        // The last one came back to none: its share comes by itself, while everything goes on.
        await Tally.WhenAsync(async () => (await CountAsync(nodes)).Min() > 0);
        var connections = await CountAsync(nodes);
        foreach (var (_, _, senders) in all)
        {
            await senders.DisposeAsync();
        }

        foreach (var tally in tallies)
        {
            await Tally.WhenAsync(() => tally.Lost == 0);
        }

        foreach (var (_, receiver, _) in all)
        {
            await receiver.DisposeAsync();
        }

        var line = $"rolling restart of {nodes.Length} nodes: accepted {tallies.Sum(static one => one.Accepted)}, refused {tallies.Sum(static one => one.Refused)}, "
            + $"delivered more than once {tallies.Sum(static one => one.DeliveredMoreThanOnce)}, lost {tallies.Sum(static one => one.Lost)}; connections {string.Join(", ", connections)}";
        output.WriteLine(line);
        Console.WriteLine(line);
        Assert.All(tallies, static tally => Assert.Equal(0, tally.DeliveredMoreThanOnce));
    }

    private static async Task<int[]> CountAsync(ServerProcess[] nodes) => await Task.WhenAll(nodes.Select(static async node =>
        (await node.Http.GetFromJsonAsync("/api/v1/health", ApiJson.Default.HealthResponse))!.ActiveConnections));
}
