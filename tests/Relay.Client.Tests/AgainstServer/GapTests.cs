using Relay.Server.Delivery;

namespace Relay.Client.Tests.AgainstServer;

public sealed class GapTests
{
    [Theory, OnEachStore]
    public async Task A_client_is_told_of_what_expired_while_it_was_away(string store)
    {
        await using var relay = await RealRelay.StartAsync(store, settings: ("Relay:Delivery:Retention", "00:00:00.100"));
        relay.Host.Logs.Expect(1123);
        string[] ids = [await relay.PostAsync(), await relay.PostAsync()];
        var poller = relay.NewClient(options => options.RelayId = relay.Agent.RelayId);
        await Eventually.AsyncTrue(async () =>
        {
            // A poll finds that they are too old; what it still gets it gives back.
            await foreach (var early in poller.PollAsync())
            {
                await early.NackAsync(TimeSpan.FromMilliseconds(150));
            }

            return Array.TrueForAll(await Task.WhenAll(ids.Select(relay.FindAsync)), static found => found.State == EventState.Expired);
        });

        var client = relay.NewClient();
        var gaps = ClientTest.Record<RelayGap>(add => client.Gap += add);
        ClientTest.Receive(client);

        var (first, last) = (await relay.FindAsync(ids[0]), await relay.FindAsync(ids[1]));
        Assert.Equal(new RelayGap("expired", 2, first.AcceptedAt, last.AcceptedAt), await gaps.NextAsync());
    }
}
