using System.Text;
using Relay.Server.Delivery;

namespace Relay.Client.Tests.AgainstServer;

public sealed class HandlerTests
{
    [Theory]
    [OnEachStore("application/json", "{ \"text\" : \"\\u00e9\\/\",\n \"number\": 1.0 }\n")]
    [OnEachStore("application/x-www-form-urlencoded", "a=1&b=%20")]
    [OnEachStore("application/octet-stream", "\u00ff\u00fe\u0080\r\n")]
    public async Task The_lines_of_the_readme_receive_the_exact_bytes_and_acknowledge(string store, string contentType, string body)
    {
        await using var relay = await RealRelay.StartAsync(store);
        using var stop = new CancellationTokenSource();
        var received = new Recorded<RelayDelivery>();
        await using var client = new RelayClient(new RelayClientOptions
        {
            Url = relay.Host.Url.ToString(),
            ApiKey = relay.Agent.ApiKey,
        });
        var running = client.RunAsync(
            (delivery, _) =>
            {
                received.Add(delivery);
                return Task.CompletedTask;
            },
            stop.Token);

        var bytes = Encoding.Latin1.GetBytes(body);
        var id = await relay.Host.QueueAsync(relay.Agent, bytes, contentType);

        var delivery = await received.NextAsync();
        Assert.Equal((id, 1, "POST", "/", contentType), (delivery.Id, delivery.Attempt, delivery.Method, delivery.Path, delivery.ContentType));
        Assert.Equal(bytes, delivery.Body.ToArray());
        var stored = await relay.WhenAsync(id, EventState.Delivered);
        Assert.Equal(AttemptOutcome.Acked, Assert.Single(stored.Attempts).Outcome);

        await stop.CancelAsync();
        await running.Soon();
    }

    [Theory, OnEachStore]
    public async Task An_event_whose_handler_threw_comes_again(string store)
    {
        await using var relay = await RealRelay.StartAsync(store);
        var client = relay.NewClient();
        var running = client.RunAsync((delivery, _) => delivery.Attempt == 1 ? throw new InvalidOperationException("Not today.") : Task.CompletedTask);

        var id = await relay.PostAsync();

        var stored = await relay.WhenAsync(id, EventState.Delivered);
        Assert.Equal(
            [(1, AttemptOutcome.Nacked, "InvalidOperationException: Not today."), (2, AttemptOutcome.Acked, null)],
            stored.Attempts.Select(static attempt => (attempt.Number, attempt.Outcome, attempt.Reason)));
        await client.DisposeAsync();
        await running.Soon();
    }

    [Theory, OnEachStore]
    public async Task A_backlog_is_handled_once_each(string store)
    {
        await using var relay = await RealRelay.StartAsync(store);
        var ids = await relay.PostAsync(1000);
        var tally = new Tally();
        var client = relay.NewClient(options => options.Concurrency = 8);

        var running = client.RunAsync(async (delivery, _) =>
        {
            await Task.Yield();
            tally.Add(delivery.Id);
        });

        await relay.WhenDeliveredAsync(ids);
        tally.AssertOnceEach(ids);
        await client.DisposeAsync();
        await running.Soon();
    }
}
