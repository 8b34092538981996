using Xunit.Abstractions;

namespace Relay.Faults.Tests;

/// <summary>Agents beside each other on one server.</summary>
public sealed class NeighbourTests(ITestOutputHelper output)
{
    private const int Events = 1000;

    [Theory]
    [InlineData("embedded")]
    [InlineData("redis")]
    public async Task A_slow_agent_does_not_hold_up_a_fast_one(string store)
    {
        await using var redis = store == "redis" ? await RedisServer.StartAsync() : null;
        await using var server = await ServerProcess.StartAsync(redis?.ConnectionString);
        var (slow, fast) = (await server.RegisterAsync(), await server.RegisterAsync());
        var (slowTally, fastTally) = (new Tally(), new Tally());
        var fastIsDone = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var slowReceiver = new Receiver(server.Url, slow, slowTally, (_, stopping) => fastIsDone.Task.WaitAsync(stopping));
        await using var fastReceiver = new Receiver(server.Url, fast, fastTally);

        await using (new Senders(server.Http, slow, slowTally, count: 4))
        await using (new Senders(server.Http, fast, fastTally, count: 4))
        {
            await fastTally.WhenDeliveredAsync(Events);
            await slowTally.WhenAcceptedAsync(Events);
        }

        await fastTally.AssertNothingLostAsync(output, $"{store}, fast agent beside one that stands still");
        Assert.Equal(1, slowTally.Delivered);
        fastIsDone.SetResult();
        await slowTally.AssertNothingLostAsync(output, $"{store}, slow agent that goes on");
    }

    [Theory]
    [InlineData("embedded")]
    [InlineData("redis")]
    public async Task Ten_thousand_waiting_events_come_in_order_and_once(string store)
    {
        const int senders = 16, each = 625;
        await using var redis = store == "redis" ? await RedisServer.StartAsync() : null;
        await using var server = await ServerProcess.StartAsync(redis?.ConnectionString);
        var agent = await server.RegisterAsync();
        var tally = new Tally();
        await Task.WhenAll(Enumerable.Range(0, senders).Select(async sender =>
        {
            // Each is answered before the next is sent: so the order of one sender's events is that of their acceptance.
            for (var i = 0; i < each; i++)
            {
                var number = (sender * each) + i;
                await server.PostAsync(agent, number);
                tally.Accept(number);
            }
        }));

        var last = Enumerable.Repeat(-1, senders).ToArray();
        List<int> overtaken = [];
        await using var receiver = new Receiver(server.Url, agent, tally, (number, _) =>
        {
            var sender = number / each;
            if (number <= last[sender])
            {
                overtaken.Add(number);
            }

            last[sender] = number;
            return Task.CompletedTask;
        });
        await tally.AssertNothingLostAsync(output, $"{store}, {senders * each} events waited");
        Assert.Empty(overtaken);
        Assert.Equal(0, tally.DeliveredMoreThanOnce);
    }
}
