using Relay.Protocol;

namespace Relay.Client.Tests.AgainstServer;

public sealed class IdentityTests
{
    [Theory, OnEachStore]
    public async Task A_refused_key_ends_the_client_without_another_attempt(string store)
    {
        await using var relay = await RealRelay.StartAsync(store);
        var client = relay.NewClient(options => options.ApiKey = ApiKey.New().Reveal());
        var reconnecting = ClientTest.Record<RelayReconnecting>(add => client.Reconnecting += add);

        var refused = await Assert.ThrowsAsync<RelayAuthenticationException>(() => client.RunAsync(static (_, _) => Task.CompletedTask).Soon());

        Assert.Equal(ErrorCodes.InvalidApiKey, refused.ErrorCode);
        Assert.Equal((RelayClientState.Closed, 0), (client.State, reconnecting.Count));
    }

    [Theory, OnEachStore]
    public async Task A_key_of_another_agent_is_refused(string store)
    {
        await using var relay = await RealRelay.StartAsync(store);
        var other = await relay.Host.RegisterAsync();
        var client = relay.NewClient(options => options.RelayId = other.RelayId);

        var refused = await Assert.ThrowsAsync<RelayAuthenticationException>(() => client.RunAsync(static (_, _) => Task.CompletedTask).Soon());

        Assert.Equal(ErrorCodes.RelayIdMismatch, refused.ErrorCode);
    }

    [Theory, OnEachStore]
    public async Task Of_two_clients_with_one_key_the_older_ends_and_the_newer_receives(string store)
    {
        await using var relay = await RealRelay.StartAsync(store);
        var older = relay.NewClient();
        var connected = ClientTest.Record<RelayConnected>(add => older.Connected += add);
        var tookByOlder = ClientTest.Receive(older, out var olderEnded);
        Assert.Equal(relay.Agent.RelayId, (await connected.NextAsync()).RelayId);

        var tookByNewer = ClientTest.Receive(relay.NewClient());

        await Assert.ThrowsAsync<RelayReplacedException>(() => olderEnded.Soon());
        Assert.Equal(RelayClientState.Closed, older.State);
        var id = await relay.PostAsync();
        var delivery = await tookByNewer.NextAsync();
        Assert.Equal(id, delivery.Id);
        await delivery.AckAsync();
        Assert.Equal(0, tookByOlder.Count);
    }
}
