using Xunit.Abstractions;

namespace Relay.Faults.Tests;

/// <summary>An operator stops the server under load.</summary>
public sealed class StopTests(ITestOutputHelper output)
{
    private const int Stops = 2;
    private const int AcceptedBetweenStops = 300;

    [Theory]
    [InlineData("embedded")]
    [InlineData("redis")]
    public async Task A_stopped_server_loses_nothing_and_repeats_nothing_that_was_acknowledged(string store)
    {
        await using var redis = store == "redis" ? await RedisServer.StartAsync() : null;
        await using var server = await ServerProcess.StartAsync(redis?.ConnectionString, ServerProcess.FastRetries);
        var agent = await server.RegisterAsync();
        var tally = new Tally();
        await using var receiver = new Receiver(server.Url, agent, tally);

        await using (new Senders(server.Http, agent, tally))
        {
            for (var stop = 1; stop <= Stops; stop++)
            {
                await tally.WhenAcceptedAsync(stop * AcceptedBetweenStops);
                Assert.Equal(0, await server.StopAsync());
                await server.StartAsync();
            }
        }

        await tally.AssertNothingLostAsync(output, $"{store}, server stopped {Stops} times");
        Assert.Equal(0, tally.DeliveredMoreThanOnce);
    }
}
