using Relay.Server.Delivery;

namespace Relay.Client.Tests.AgainstServer;

public sealed class StoppingTests
{
    [Theory, OnEachStore]
    public async Task Disposal_finishes_the_handler_that_runs_and_leaves_the_rest_to_the_next_client(string store)
    {
        await using var relay = await RealRelay.StartAsync(store);
        var finish = new TaskCompletionSource();
        var started = new Recorded<RelayDelivery>();
        var client = relay.NewClient();
        var running = client.RunAsync(async (delivery, cancellationToken) =>
        {
            started.Add(delivery);
            await finish.Task.WaitAsync(cancellationToken);
        });
        var (runs, waits) = (await relay.PostAsync(), await relay.PostAsync());
        Assert.Equal(runs, (await started.NextAsync()).Id);

        var disposal = client.DisposeAsync().AsTask();
        await Eventually.AsyncTrue(() => client.State == RelayClientState.Draining);
        Assert.False(disposal.IsCompleted);
        finish.SetResult();

        await disposal.Soon();
        await running.Soon();
        Assert.Equal(AttemptOutcome.Acked, Assert.Single((await relay.WhenAsync(runs, EventState.Delivered)).Attempts).Outcome);
        Assert.Equal(0, started.Count);
        var next = await ClientTest.Receive(relay.NewClient()).NextAsync();
        Assert.Equal(waits, next.Id);
        await next.AckAsync();
    }

    [Theory, OnEachStore]
    public async Task What_is_worked_on_while_a_disposal_waits_outlives_its_ack_timeout(string store)
    {
        await using var relay = await RealRelay.StartAsync(store, ownClock: true);
        var client = relay.NewClient(options => options.DrainTimeout = TimeSpan.FromMinutes(10));
        var taken = ClientTest.Receive(client, out var ended);
        var id = await relay.PostAsync();
        var delivery = await taken.NextAsync();

        var disposal = client.DisposeAsync().AsTask();
        await ended.Soon();
        for (var tenSeconds = 0; tenSeconds < 6; tenSeconds++)
        {
            var deadline = (await relay.FindAsync(id)).DueAt;
            relay.Host.Clock!.Advance(TimeSpan.FromSeconds(10));
            await Eventually.Async(() => relay.FindAsync(id), found => found.DueAt > deadline);
        }

        var held = await relay.FindAsync(id);
        Assert.Equal((EventState.Leased, 1, 0), (held.State, held.AttemptCount, held.Failures));
        await delivery.AckAsync();
        await disposal.Soon();
        await relay.WhenDeliveredAsync([id]);
    }

    [Theory, OnEachStore]
    public async Task Restarts_of_an_agent_do_not_dead_letter_its_backlog(string store)
    {
        await using var relay = await RealRelay.StartAsync(store, settings: ("Relay:Delivery:MaxAttempts", "2"));
        var ids = await relay.PostAsync(5);

        for (var restart = 0; restart < 6; restart++)
        {
            var started = new Recorded<string>();
            var stopped = relay.NewClient(options => options.DrainTimeout = TimeSpan.Zero);
            var running = stopped.RunAsync(async (delivery, cancellationToken) =>
            {
                started.Add(delivery.Id);
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
            });
            await started.NextAsync();
            await stopped.DisposeAsync();
            await running.Soon();
        }

        var tally = new Tally();
        var client = relay.NewClient();
        var last = client.RunAsync((delivery, _) =>
        {
            tally.Add(delivery.Id);
            return Task.CompletedTask;
        });
        await relay.WhenDeliveredAsync(ids);
        tally.AssertOnceEach(ids);
        Assert.All(await Task.WhenAll(ids.Select(relay.FindAsync)), static found => Assert.InRange(found.Failures, 0, 1));
        await client.DisposeAsync();
        await last.Soon();
    }
}
