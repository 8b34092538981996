using Microsoft.Extensions.DependencyInjection;
using Relay.Protocol;
using Relay.Server.Cluster;
using Relay.Server.Operations.Shutdown;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Cluster;

public sealed class ClusterTests
{
    private static readonly (string, string) ReportsOften = ("Relay:Cluster:ReportInterval", "00:00:00.100");

    [Fact]
    public async Task Agents_that_are_all_on_one_node_are_asked_to_connect_again_when_another_comes()
    {
        await using var relay = await RelayHost.StartAsync("redis", settings: ReportsOften);
        List<TestAgent> agents = [];
        for (var i = 0; i < 12; i++)
        {
            agents.Add(await relay.ConnectAsync(await relay.RegisterAsync()));
        }

        await using var peer = relay.StartAnother();
        var message = await await Task.WhenAny(agents.Select(static agent => agent.ReceiveAsync()));

        Assert.Equal(("disconnect", "rebalance"), (message.GetProperty("type").GetString(), message.GetProperty("reason").GetString()));
        Assert.InRange(message.GetProperty("reconnect_after_ms").GetInt64(), 0, 1000);
        foreach (var agent in agents)
        {
            await agent.DisposeAsync();
        }
    }

    [Fact]
    public async Task Nodes_know_of_each_other_and_forget_who_leaves_or_says_nothing_more()
    {
        await using var relay = await RelayHost.StartAsync("redis", settings: ReportsOften);
        var roster = relay.Services.GetRequiredService<INodeRoster>();
        await using (relay.StartAnother())
        {
            await UntilNodesAsync(2);
        }

        await UntilNodesAsync(1);

        async Task UntilNodesAsync(int count) => await Eventually.AsyncTrue(async () =>
        {
            var now = TimeProvider.System.GetUtcNow();
            return (await roster.ReportAsync(0, now, now + TimeSpan.FromSeconds(1))).Count == count;
        });
    }

    [Theory, OnEachStore]
    public async Task A_node_that_was_told_to_end_is_not_ready_and_serves_on_until_the_delay_is_over(string store)
    {
        await using var relay = await RelayHost.StartAsync(store, ownClock: true, ("Relay:Shutdown:ReadinessDelay", "00:00:10"));
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);
        var shutdown = relay.Services.GetRequiredService<AnnouncedShutdown>();

        shutdown.Announce();

        using (var ready = await relay.Http.GetAsync(new Uri("/readyz", UriKind.Relative)))
        {
            Assert.Equal(System.Net.HttpStatusCode.ServiceUnavailable, ready.StatusCode);
        }

        var id = await relay.QueueAsync(agent);
        Assert.Equal(id, (await connected.ReceiveAsync()).GetProperty("id").GetString());
        await connected.AckAsync(id);

        relay.Clock!.Advance(TimeSpan.FromSeconds(11));
        Assert.Equal(DisconnectReasons.ServerShutdown, (await connected.ReceiveAsync()).GetProperty("reason").GetString());
    }
}
