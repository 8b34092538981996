using System.Net;
using Relay.Client;
using Xunit.Abstractions;

namespace Relay.Faults.Tests;

/// <summary>Redis is slow or is emptied.</summary>
public sealed class RedisLossTests(ITestOutputHelper output)
{
    private const int Events = 300;

    [Fact]
    public async Task A_slow_Redis_makes_senders_wait_and_loses_nothing()
    {
        await using var redis = RedisServer.NotStarted();
        await redis.RestartAsync("--enable-debug-command", "yes");
        await using var server = await ServerProcess.StartAsync(redis.ConnectionString, ServerProcess.FastRetries);
        var agent = await server.RegisterAsync();
        var tally = new Tally();
        await using var receiver = new Receiver(server.Url, agent, tally);

        await using (new Senders(server.Http, agent, tally))
        {
            for (var stop = 1; stop <= 3; stop++)
            {
                await tally.WhenAcceptedAsync(stop * Events);
                Assert.Equal("+OK", await redis.SendAsync("DEBUG SLEEP 0.8"));
            }
        }

        await tally.AssertNothingLostAsync(output, "redis slow 3 times");
    }

    [Fact]
    public async Task A_flushed_Redis_knows_nobody_and_the_server_goes_on_with_who_registers_anew()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var server = await ServerProcess.StartAsync(redis.ConnectionString, ServerProcess.FastRetries);
        var agent = await server.RegisterAsync();
        var tally = new Tally();
        await using var receiver = new Receiver(server.Url, agent, tally);
        await server.PostAsync(agent, 1);
        await tally.WhenDeliveredAsync(1);

        Assert.Equal("+OK", await redis.SendAsync("FLUSHALL"));

        await Tally.WhenAsync(async () => await server.TryPostAsync(agent, 2) == HttpStatusCode.NotFound);
        var refused = await Assert.ThrowsAnyAsync<RelayException>(() => receiver.Ended);
        output.WriteLine(refused.Message);

        var next = await server.RegisterAsync();
        var nextTally = new Tally();
        await using var nextReceiver = new Receiver(server.Url, next, nextTally);
        await server.PostAsync(next, 3);
        nextTally.Accept(3);
        await nextTally.AssertNothingLostAsync(output, "redis flushed, registered anew");
    }
}
