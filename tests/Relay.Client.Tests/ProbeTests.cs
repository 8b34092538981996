using Relay.Protocol;

namespace Relay.Client.Tests;

public sealed class ProbeTests : ClientTest
{
    [Fact]
    public async Task Probe_is_answered_and_shown_to_nobody_while_every_handler_is_busy_and_the_window_is_full()
    {
        var finish = new TaskCompletionSource();
        var started = new Recorded<string>();
        var client = NewClient(options => options.MaxInFlight = 1);
        var running = client.RunAsync(async (delivery, _) =>
        {
            started.Add(delivery.Id);
            await finish.Task;
        });
        var connection = await Relay.AuthenticateAsync();
        var id = await connection.DeliverAsync();
        Assert.Equal(id, await started.NextAsync());
        var waits = await connection.DeliverAsync();

        await connection.SendAsync(new ProbeMessage { Id = "prb_1" });

        Assert.Equal("prb_1", (await connection.ReadAsync<AckMessage>()).Id);
        finish.SetResult();
        Assert.Equal(waits, await started.NextAsync());
        await client.DisposeAsync().AsTask().Soon();
        await running.Soon();
        Assert.Equal(0, started.Count);
    }

    [Fact]
    public async Task Every_probe_is_answered()
    {
        Receive(NewClient());
        var connection = await Relay.AuthenticateAsync();

        foreach (var id in (string[])["prb_1", "prb_2", "prb_1"])
        {
            await connection.SendAsync(new ProbeMessage { Id = id });
            Assert.Equal(id, (await connection.ReadAsync<AckMessage>()).Id);
        }
    }
}
