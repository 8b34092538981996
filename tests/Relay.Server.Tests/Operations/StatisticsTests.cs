using System.Net;
using System.Net.Http.Json;
using Relay.Protocol;
using Relay.Server.Operations.Statistics;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Operations;

public sealed class StatisticsTests
{
    [Theory, OnEachStore]
    public async Task What_happened_is_counted(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        relay.Logs.Expect(1101); // Given up.
        var agent = await relay.RegisterAsync(new RegisterRequest { Delivery = System.Text.Json.JsonElement.Parse("""{"max_attempts":1}""") });
        await using (var connected = await relay.ConnectAsync(agent))
        {
            var (kept, dead) = (await relay.QueueAsync(agent), await relay.QueueAsync(agent));
            await connected.ReceiveWebhookIdsAsync(2);
            await connected.AckAsync(kept);
            await connected.SendAsync($$"""{"type":"nack","id":"{{dead}}"}""");
            await relay.WhenAsync(agent, kept, Server.Delivery.EventState.Delivered);
            await relay.WhenAsync(agent, dead, Server.Delivery.EventState.Dead);
        }

        await relay.QueueAsync(await relay.RegisterAsync(), "12345678");

        var stats = await ReadAsync(relay);
        Assert.Equal((3L, 1L, 1L), (stats.Events24h.Accepted, stats.Events24h.Delivered, stats.Events24h.Dead));
        Assert.Equal((1L, 1L, 1L), (stats.Agents - 1, stats.Queue.Events, stats.Queue.Agents));
        Assert.True(stats.Queue.Bytes > 8);
        Assert.True(stats.LatencyMs is { P50: >= 1, P99: >= 1 });
    }

    [Fact]
    public async Task They_are_the_same_from_every_node()
    {
        await using var relay = await RelayHost.StartAsync("redis", settings: ("Relay:Cluster:ReportInterval", "00:00:00.100"));
        await using var peer = relay.StartAnother();
        var agent = await relay.RegisterAsync();
        await using var connected = await peer.ConnectAsync(agent);
        var id = await relay.QueueAsync(agent);
        await connected.ReceiveWebhookAsync();
        await connected.AckAsync(id);
        await relay.WhenAsync(agent, id, Server.Delivery.EventState.Delivered);

        foreach (var node in (RelayHost[])[relay, peer])
        {
            await Eventually.AsyncTrue(async () => await ReadAsync(node) is
            {
                Events24h: { Accepted: 1, Delivered: 1 },
                Agents: 1,
                Connections: 1,
                Nodes.Count: 2,
            });
        }
    }

    [Fact]
    public async Task They_are_for_administrators()
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        using var answer = await relay.Http.GetAsync(new Uri("/api/v1/stats", UriKind.Relative));
        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 1)]
    [InlineData(10, 11.3)]
    [InlineData(1000, 1024)]
    [InlineData(86_400_000, 33_554_432)]
    public void A_percentile_is_a_little_too_high_and_never_too_low_up_to_nine_hours(double ms, double expected)
    {
        var counts = new Dictionary<string, long> { [Latencies.Name(Latencies.BucketOf(TimeSpan.FromMilliseconds(ms)))] = 7 };
        Assert.Equal(expected, Latencies.Percentile(counts, 0.99));
    }

    [Fact]
    public void Percentiles_are_of_what_was_counted()
    {
        var statistics = new Statistics();
        Assert.Null(Latencies.Percentile(statistics.Take(), 0.5));
        for (var ms = 1; ms <= 100; ms++)
        {
            statistics.AddDelivered(TimeSpan.FromMilliseconds(ms));
        }

        var counts = statistics.Take();
        Assert.Equal((53.8, 90.5, 107.6), (Latencies.Percentile(counts, 0.5), Latencies.Percentile(counts, 0.9), Latencies.Percentile(counts, 0.99)));
        Assert.Equal(100, counts["delivered"]);
        Assert.Empty(statistics.Take());
        statistics.Return(counts);
        Assert.Equal(counts, statistics.Take());
    }

    private static async Task<StatsResponse> ReadAsync(RelayHost relay)
    {
        using var answer = await relay.AdminAsync(HttpMethod.Get, "/api/v1/stats");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return (await answer.Content.ReadFromJsonAsync(ApiJson.Default.StatsResponse))!;
    }
}
