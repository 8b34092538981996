using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Connections;

public sealed class LostClaimTests
{
    [Fact]
    public async Task A_connection_goes_on_when_Redis_has_lost_its_claim()
    {
        await using var relay = RelayHost.Start(await StoreSetup.CreateWithOwnRedisAsync());
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);
        await connected.AssertSilentAsync();

        Assert.Equal(":1", await relay.Store.Redis.SendAsync($"HDEL {relay.Store.Settings["Relay:Storage:KeyPrefix"]}{{{agent.RelayId}}} claim"));

        string[] ids = [await relay.QueueAsync(agent), await relay.QueueAsync(agent)];
        Assert.Equal(ids, await connected.ReceiveWebhookIdsAsync(2));
        await connected.AckAsync(ids);
    }
}
