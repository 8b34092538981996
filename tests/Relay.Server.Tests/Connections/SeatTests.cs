using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Relay.Protocol;
using Relay.Server.Connections;
using Relay.Server.Limits;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Connections;

/// <summary>Connections that two nodes on one Redis count together.</summary>
public sealed class SeatTests
{
    private static readonly SeatCount One = new(1, 0);
    private static readonly SeatCount Guest = new(1, 1);
    private static readonly SeatCount Most = new(3, 1);
    private readonly LimitKey _key = LimitKey.From(ClientAddress.Of(IPAddress.Parse("203.0.113.7")));

    [Fact]
    public async Task An_agents_connections_are_counted_on_all_nodes()
    {
        await using var relay = await RelayHost.StartAsync("redis", settings: ("Relay:Connections:MaxPerAgent", "2"));
        await using var other = relay.StartAnother();
        var agent = await relay.RegisterAsync("""{"delivery":{"connections":"shared"}}""");
        await using var first = await relay.ConnectAsync(agent);
        await using var second = await other.ConnectAsync(agent);

        foreach (var node in (RelayHost[])[relay, other])
        {
            await using var refused = await node.OpenAsync(bearer: agent.ApiKey);
            Assert.Equal("rate_limit_exceeded", (await refused.ExpectAsync("error")).GetProperty("error").GetString());
            Assert.Equal(CloseCodes.RateLimited, await refused.ReadToCloseAsync());
        }

        await second.CloseAsync();
        await Eventually.AsyncTrue(async () =>
        {
            await using var later = await relay.OpenAsync(bearer: agent.ApiKey);
            return (await later.ReceiveAsync()).GetProperty("type").GetString() == "auth_success";
        });
    }

    [Fact]
    public async Task An_addresss_connections_are_counted_on_all_nodes()
    {
        await using var relay = await RelayHost.StartAsync("redis", settings: ("Relay:Connections:MaxPerAddress", "2"));
        await using var other = relay.StartAnother();
        await using var first = await relay.ConnectAsync(await relay.RegisterAsync());
        await using var second = await other.ConnectAsync(await relay.RegisterAsync());

        await using var refused = await other.OpenAsync(bearer: (await relay.RegisterAsync()).ApiKey);

        Assert.Equal("rate_limit_exceeded", (await refused.ExpectAsync("error")).GetProperty("error").GetString());
    }

    [Fact]
    public async Task Nodes_that_stop_give_their_seats_back()
    {
        await using var relay = await RelayHost.StartAsync("redis", settings: ("Relay:Connections:MaxPerAddress", "1"));
        var agent = await relay.RegisterAsync();
        await using (var other = relay.StartAnother())
        {
            await using var first = await other.ConnectAsync(agent);
        }

        await using var second = await relay.ConnectAsync(agent);
        await second.AssertSilentAsync();
    }

    [Fact]
    public async Task What_was_refused_takes_no_seat()
    {
        await using var nodes = await StartAsync();
        Assert.True(await nodes.TakeAsync(node: 0, Guest));
        Assert.False(await nodes.TakeAsync(node: 1, Guest));
        Assert.True(await nodes.TakeAsync(node: 1, One));
        Assert.True(await nodes.TakeAsync(node: 1, One));
        Assert.False(await nodes.TakeAsync(node: 0, One));

        // One has given its key, and another has gone.
        await nodes.GiveAsync(node: 0, new SeatCount(0, 1));
        await nodes.GiveAsync(node: 1, One);
        Assert.True(await nodes.TakeAsync(node: 1, Guest));
        Assert.False(await nodes.TakeAsync(node: 0, One));
    }

    [Fact]
    public async Task The_seats_of_a_node_that_died_are_free_after_a_while()
    {
        await using var nodes = await StartAsync();
        for (var i = 0; i < 3; i++)
        {
            Assert.True(await nodes.TakeAsync(node: 0, One));
        }

        Assert.False(await nodes.TakeAsync(node: 1, One, secondsLater: 59));
        Assert.True(await nodes.TakeAsync(node: 1, One, secondsLater: 60));

        // It was only away: what it says it has is believed again.
        await nodes.HoldAsync(node: 0, new SeatCount(2, 0), secondsLater: 61);
        Assert.False(await nodes.TakeAsync(node: 1, One, secondsLater: 61));
    }

    [Fact]
    public async Task A_node_tells_again_what_it_has()
    {
        await using var relay = await RelayHost.StartAsync("redis", ownClock: true, ("Relay:Connections:MaxPerAddress", "1"));
        await using var other = relay.StartAnother();
        var seat = await relay.Services.GetRequiredService<ConnectionSeats>().TakeAsync(ClientAddress.Of(IPAddress.Loopback), isAuthenticated: true);
        for (var i = 0; i < 3; i++)
        {
            await relay.Services.GetRequiredService<ConnectionSeats>().RenewAsync();
            relay.Clock!.Advance(TimeSpan.FromSeconds(50));
        }

        await relay.Services.GetRequiredService<ConnectionSeats>().RenewAsync();
        var there = other.Services.GetRequiredService<ConnectionSeats>();
        Assert.Null(await there.TakeAsync(ClientAddress.Of(IPAddress.Loopback), isAuthenticated: true));
        await seat!.DisposeAsync();
        Assert.NotNull(await there.TakeAsync(ClientAddress.Of(IPAddress.Loopback), isAuthenticated: true));
    }

    private async Task<Nodes> StartAsync() => new(_key, await RelayHost.StartAsync("redis"));

    private sealed class Nodes : IAsyncDisposable
    {
        private static readonly DateTimeOffset Start = DateTimeOffset.FromUnixTimeMilliseconds(1_800_000_000_000);
        private readonly LimitKey _key;
        private readonly RelayHost[] _hosts;

        public Nodes(LimitKey key, RelayHost first) => (_key, _hosts) = (key, [first, first.StartAnother()]);

        public Task<bool> TakeAsync(int node, SeatCount taken, int secondsLater = 0) =>
            Store(node).TakeAsync(_key, taken, Most, Start.AddSeconds(secondsLater), Start.AddSeconds(secondsLater + 60));

        public Task GiveAsync(int node, SeatCount given) => Store(node).GiveAsync(_key, given, Start, Start.AddSeconds(60));

        public Task HoldAsync(int node, SeatCount held, int secondsLater) =>
            Store(node).HoldAsync(_key, held, Start.AddSeconds(secondsLater), Start.AddSeconds(secondsLater + 60));

        public async ValueTask DisposeAsync()
        {
            await _hosts[1].DisposeAsync();
            await _hosts[0].DisposeAsync();
        }

        private ISeatStore Store(int node) => _hosts[node].Services.GetRequiredService<ISeatStore>();
    }
}
