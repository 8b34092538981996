using Xunit.Abstractions;

namespace Relay.Faults.Tests;

/// <summary>Agents that acknowledge as they should not.</summary>
public sealed class AgentTests(ITestOutputHelper output)
{
    private const int Events = 400;
    private static readonly TimeSpan Late = TimeSpan.FromMilliseconds(1500);

    [Theory]
    [InlineData("embedded")]
    [InlineData("redis")]
    public async Task Acks_that_come_late_twice_or_never_lose_nothing(string store)
    {
        await using var redis = store == "redis" ? await RedisServer.StartAsync() : null;
        await using var server = await ServerProcess.StartAsync(
            redis?.ConnectionString, ("Relay__Delivery__AckTimeout", "00:00:01"), ("Relay__Delivery__RetryDelays__0", "00:00:10"));
        var agent = await server.RegisterAsync();
        var tally = new Tally();
        List<Task> late = [];
        await using var receiver = new WireAgent(server.Url, agent, tally, async (me, id, number, attempt) =>
        {
            switch (number % 8)
            {
                case 0:
                    // Later than the ack timeout, sooner than the retry: it still counts, and the event does not come again.
                    late.Add(Task.Delay(Late, TimeProvider.System).ContinueWith(_ => me.AckAsync(id), TaskScheduler.Default).Unwrap());
                    break;
                case 1:
                    await me.AckAsync(id);
                    await me.AckAsync(id);
                    break;
                case 2 when attempt == 1:
                    break;
                default:
                    await me.AckAsync(id);
                    break;
            }
        });

        await using (new Senders(server.Http, agent, tally, count: 8))
        {
            await tally.WhenAcceptedAsync(Events);
        }

        await tally.AssertNothingLostAsync(output, $"{store}, agent that acks late, twice or never");
        await tally.WhenDeliveredTwiceAsync(number => number % 8 == 2);
        await Task.WhenAll(late);
        Assert.Equal(0, tally.CountDeliveredMoreThanOnce(number => number % 8 != 2));
        Assert.Equal(0, receiver.Unknown);
    }

    [Theory]
    [InlineData("embedded")]
    [InlineData("redis")]
    public async Task An_agent_cannot_acknowledge_what_is_anothers(string store)
    {
        await using var redis = store == "redis" ? await RedisServer.StartAsync() : null;
        await using var server = await ServerProcess.StartAsync(redis?.ConnectionString);
        var (thief, owner) = (await server.RegisterAsync(), await server.RegisterAsync());
        var (thiefTally, ownerTally) = (new Tally(), new Tally());
        List<string> owned = [];
        for (var number = 0; number < Events; number++)
        {
            owned.Add(await server.PostAsync(owner, number));
            ownerTally.Accept(number);
        }

        await using (var thieving = new WireAgent(server.Url, thief, thiefTally, async (me, id, _, _) =>
        {
            foreach (var others in owned)
            {
                await me.AckAsync(others);
            }

            await me.AckAsync(id);
        }))
        {
            await server.PostAsync(thief, 0);
            thiefTally.Accept(0);
            await thiefTally.AssertNothingLostAsync(output, $"{store}, agent that acks for others");
            // Those are the errors that the server had room for: more answers than a slow reader takes are not kept.
            await Tally.WhenAsync(() => thieving.Unknown > 0);
        }

        await using var receiver = new Receiver(server.Url, owner, ownerTally);
        await ownerTally.AssertNothingLostAsync(output, $"{store}, agent whose events another acked");
        Assert.Equal(0, ownerTally.DeliveredMoreThanOnce);
    }
}
