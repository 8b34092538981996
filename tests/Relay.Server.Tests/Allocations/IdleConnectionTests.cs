using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Relay.Protocol;
using Relay.Server.Connections;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Allocations;

/// <summary>Real connections of a whole server that get nothing: however many there are, their clock costs no memory.</summary>
public sealed class IdleConnectionTests
{
    [Theory]
    [InlineData(10)]
    [InlineData(100)]
    public async Task Looking_after_idle_connections_and_picking_one_allocates_nothing(int count)
    {
        await using var relay = await RelayHost.StartAsync("embedded", ownClock: true);
        var agent = await relay.RegisterAsync(new RegisterRequest { Delivery = JsonElement.Parse("""{"connections":"shared"}"""u8) });
        Assert.True(RelayId.TryParse(agent.RelayId, out var id));
        List<TestAgent> agents = [];
        for (var i = 0; i < count; i++)
        {
            agents.Add(await relay.ConnectAsync(agent));
        }

        var registry = relay.Services.GetRequiredService<ConnectionRegistry>();
        AgentConnection[] connections = [.. registry.All];
        Assert.Equal(count, connections.Length);

        var now = relay.Clock!.GetUtcNow();
        Allocated.AtMost(0, _ =>
        {
            foreach (var connection in connections)
            {
                connection.Tick(now);
            }
        }, calls: 100);
        Allocated.AtMost(0, _ => Assert.NotNull(registry.Pick(id)), calls: 100);
        Allocated.AtMost(200, _ =>
        {
            foreach (var connection in registry.All)
            {
                connection.Tick(now);
            }
        }, calls: 100);

        foreach (var connected in agents)
        {
            await connected.DisposeAsync();
        }
    }
}
