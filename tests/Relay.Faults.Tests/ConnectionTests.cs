using Xunit.Abstractions;

namespace Relay.Faults.Tests;

/// <summary>Connections that fail without a word, under load.</summary>
public sealed class ConnectionTests(ITestOutputHelper output)
{
    private const int Faults = 3;
    private const int AcceptedBetweenFaults = 200;

    [Theory]
    [InlineData("embedded")]
    [InlineData("redis")]
    public Task A_stalled_connection_loses_nothing(string store) => RunAsync(store, "stalled", static proxy => proxy.StallAll());

    [Theory]
    [InlineData("embedded")]
    [InlineData("redis")]
    public Task A_half_open_connection_loses_nothing(string store) => RunAsync(store, "left half open", static proxy => proxy.LeaveAllHalfOpen());

    private async Task RunAsync(string store, string what, Action<CutProxy> fault)
    {
        await using var redis = store == "redis" ? await RedisServer.StartAsync() : null;
        await using var server = await ServerProcess.StartAsync(redis?.ConnectionString, ServerProcess.FastRetries);
        await using var proxy = new CutProxy(server.Url);
        var agent = await server.RegisterAsync();
        var tally = new Tally();
        await using var receiver = new Receiver(proxy.Url, agent, tally);

        await using (new Senders(server.Http, agent, tally))
        {
            for (var number = 1; number <= Faults; number++)
            {
                await tally.WhenAcceptedAsync(number * AcceptedBetweenFaults);
                await tally.WhenDeliveredAsync(number * AcceptedBetweenFaults);
                fault(proxy);
            }
        }

        await tally.AssertNothingLostAsync(output, $"{store}, connection {what} {Faults} times");
    }
}
