using Relay.Protocol;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Connections;

/// <summary>How many connections an agent and an address may have.</summary>
public sealed class CapTests
{
    [Theory, OnEachStore]
    public async Task An_agent_that_is_shared_has_no_more_connections_than_it_may(string store)
    {
        await using var relay = await RelayHost.StartAsync(store, settings: ("Relay:Connections:MaxPerAgent", "2"));
        var agent = await relay.RegisterAsync("""{"delivery":{"connections":"shared"}}""");
        await using var first = await relay.ConnectAsync(agent);
        await using var second = await relay.ConnectAsync(agent);

        await using var third = await relay.OpenAsync(bearer: agent.ApiKey);
        await ExpectRefusedAsync(third);

        await first.AssertSilentAsync();
        await second.CloseAsync();
        await WhenThereIsRoomAsync(relay, agent);
    }

    [Theory, OnEachStore]
    public async Task An_address_has_no_more_connections_than_it_may(string store)
    {
        await using var relay = await RelayHost.StartAsync(store, settings: ("Relay:Connections:MaxPerAddress", "2"));
        await using var first = await relay.ConnectAsync(await relay.RegisterAsync());
        await using var second = await relay.ConnectAsync(await relay.RegisterAsync());
        var agent = await relay.RegisterAsync();

        await using var third = await relay.OpenAsync(bearer: agent.ApiKey);
        await ExpectRefusedAsync(third);

        await second.CloseAsync();
        await WhenThereIsRoomAsync(relay, agent);
    }

    [Theory, OnEachStore]
    public async Task Few_connections_of_an_address_may_be_without_a_key(string store)
    {
        await using var relay = await RelayHost.StartAsync(store, settings: ("Relay:Connections:MaxUnauthenticatedPerAddress", "1"));
        var agent = await relay.RegisterAsync();
        await using var silent = await relay.OpenAsync();
        await silent.AssertSilentAsync();

        await using var refused = await relay.OpenAsync();
        await ExpectRefusedAsync(refused);
        await using var withKey = await relay.OpenAsync(bearer: (await relay.RegisterAsync()).ApiKey);
        await withKey.ExpectAsync("auth_success");

        await silent.AuthenticateAsync(agent.ApiKey);
        await using var next = await relay.ConnectAsync(await relay.RegisterAsync());
        await next.AssertSilentAsync();
    }

    /// <summary>A seat is free when the server has ended its connection, a little after the client has.</summary>
    private static Task WhenThereIsRoomAsync(RelayHost relay, RegisterResponse agent) => Eventually.AsyncTrue(async () =>
    {
        await using var later = await relay.OpenAsync(bearer: agent.ApiKey);
        return (await later.ReceiveAsync()).GetProperty("type").GetString() == "auth_success";
    });

    private static async Task ExpectRefusedAsync(TestAgent refused)
    {
        var error = await refused.ExpectAsync("error");
        Assert.Equal("rate_limit_exceeded", error.GetProperty("error").GetString());
        Assert.Equal(CloseCodes.RateLimited, await refused.ReadToCloseAsync());
        Assert.Contains("as many connections", refused.Socket.CloseStatusDescription);
    }
}
