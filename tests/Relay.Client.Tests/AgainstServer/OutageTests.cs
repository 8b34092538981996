using Relay.Server.Delivery;

namespace Relay.Client.Tests.AgainstServer;

/// <summary>In each of them one handler holds on to its event all the while: it must neither be run a second time nor its ack be lost.</summary>
public sealed class OutageTests
{
    private readonly TaskCompletionSource _release = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Tally _tally = new();
    private string? _held;

    [Theory, OnEachStore]
    public async Task A_server_that_restarts_is_joined_again_and_nothing_is_lost_or_shown_twice(string store)
    {
        await using var relay = await RealRelay.StartAsync(store, settings: ("Relay:Connections:DrainTimeout", "00:00:00"));
        var client = relay.NewClient(options => options.Concurrency = 4);
        var disconnected = ClientTest.Record<RelayDisconnected>(add => client.Disconnected += add);
        _held = await relay.PostAsync();
        var before = await relay.PostAsync(50);
        var running = client.RunAsync(HandleAsync);
        await _tally.WhenAsync(51);

        var restart = relay.Host.RestartAsync();
        Assert.True((await disconnected.NextAsync()).WillReconnect);
        _release.SetResult();
        await restart.Soon();
        var after = await relay.PostAsync(50);

        string[] all = [_held, .. before, .. after];
        await relay.WhenDeliveredAsync(all);
        _tally.AssertOnceEach(all);
        await client.DisposeAsync();
        await running.Soon();
    }

    [Theory, OnEachStore]
    public async Task A_connection_that_is_cut_is_replaced_and_no_handler_is_run_twice_for_what_it_still_holds(string store)
    {
        await using var relay = await RealRelay.StartAsync(store);
        await using var proxy = new CutProxy(relay.Host.Url);
        var client = relay.NewClient(options => (options.Url, options.Concurrency) = (proxy.Url.ToString(), 4));
        _held = await relay.PostAsync();
        var running = client.RunAsync(HandleAsync);

        var posting = relay.PostAsync(300);
        foreach (var handled in (int[])[50, 150, 250])
        {
            await _tally.WhenAsync(handled);
            proxy.CutAll();
        }

        // The server has handed it out again, to the client that still works on it.
        await Eventually.Async(() => relay.FindAsync(_held), static found => found is { State: EventState.Leased, AttemptCount: > 1 });
        var others = await posting.Soon();
        await relay.WhenDeliveredAsync(others);
        _release.SetResult();

        string[] all = [_held, .. others];
        await relay.WhenDeliveredAsync(all);
        _tally.AssertOnceEach(all);
        await client.DisposeAsync();
        await running.Soon();
    }

    private async Task HandleAsync(RelayDelivery delivery, CancellationToken cancellationToken)
    {
        _tally.Add(delivery.Id);
        if (delivery.Id == _held)
        {
            await _release.Task.WaitAsync(cancellationToken);
        }
    }
}
