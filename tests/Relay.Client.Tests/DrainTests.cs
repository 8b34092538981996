using System.Net.WebSockets;
using Relay.Protocol;

namespace Relay.Client.Tests;

public sealed class DrainTests : ClientTest
{
    [Fact]
    public async Task Cancelled_run_finishes_what_runs_lets_the_rest_go_and_closes()
    {
        using var stop = new CancellationTokenSource();
        var finish = new TaskCompletionSource();
        var started = new Recorded<RelayDelivery>();
        var client = NewClient();
        var running = client.RunAsync(
            async (delivery, cancellationToken) =>
            {
                started.Add(delivery);
                await finish.Task;
                Assert.False(cancellationToken.IsCancellationRequested);
            },
            stop.Token);
        var connection = await Relay.AuthenticateAsync();
        var runs = await connection.DeliverAsync();
        await connection.DeliverAsync();
        await started.NextAsync();
        await connection.PingAsync();

        await stop.CancelAsync();
        await connection.PingAsync();
        Assert.False(running.IsCompleted);
        finish.SetResult();

        await running.Soon();
        Assert.Equal(runs, Assert.IsType<AckMessage>(Assert.Single(await connection.ReadToEndAsync())).Id);
        Assert.Equal(WebSocketCloseStatus.NormalClosure, await connection.Closed);
        Assert.Equal(0, started.Count);
        Assert.Equal(RelayClientState.Closed, client.State);
    }

    [Fact]
    public async Task Stopping_does_not_cost_an_event_an_attempt()
    {
        // The server counts a nack as a failed attempt: an agent that is restarted often enough would see its backlog dead-lettered,
        // events among it that no handler ever had. A connection that ends counts once.
        using var stop = new CancellationTokenSource();
        var started = new Recorded<CancellationToken>();
        var client = NewClient();
        var running = client.RunAsync(
            async (_, cancellationToken) =>
            {
                started.Add(cancellationToken);
                await Task.Delay(Timeout.InfiniteTimeSpan, Clock, cancellationToken);
            },
            stop.Token);
        var connection = await Relay.AuthenticateAsync();
        await connection.DeliverAsync();
        await connection.DeliverAsync();
        var abandoned = await started.NextAsync();
        await connection.PingAsync();

        await stop.CancelAsync();
        await AdvanceUntilAsync(running);

        Assert.True(abandoned.IsCancellationRequested);
        Assert.All(await connection.ReadToEndAsync(), message => Assert.IsType<ExtendMessage>(message));
        Assert.Equal(WebSocketCloseStatus.NormalClosure, await connection.Closed);
    }

    [Fact]
    public async Task Handler_that_ignores_its_cancellation_is_left_behind()
    {
        using var stop = new CancellationTokenSource();
        var never = new TaskCompletionSource();
        var started = new Recorded<RelayDelivery>();
        var running = NewClient().RunAsync(
            async (delivery, _) =>
            {
                started.Add(delivery);
                await never.Task;
            },
            stop.Token);
        var connection = await Relay.AuthenticateAsync();
        await connection.DeliverAsync();
        var leftBehind = await started.NextAsync();

        await stop.CancelAsync();
        await AdvanceUntilAsync(running);

        Assert.True(leftBehind.IsSettled);
        Assert.All(await connection.ReadToEndAsync(), message => Assert.IsType<ExtendMessage>(message));
        never.SetResult();
    }

    [Fact]
    public async Task Handler_that_settled_by_itself_and_works_on_is_waited_for()
    {
        using var stop = new CancellationTokenSource();
        var finish = new TaskCompletionSource();
        var running = NewClient().RunAsync(
            async (delivery, _) =>
            {
                await delivery.AckAsync();
                await finish.Task;
            },
            stop.Token);
        var connection = await Relay.AuthenticateAsync();
        await connection.DeliverAsync();
        await connection.ReadAsync<AckMessage>();

        await stop.CancelAsync();
        await connection.PingAsync();
        Assert.False(running.IsCompleted);

        finish.SetResult();
        await running.Soon();
    }

    [Fact]
    public async Task Run_that_was_cut_off_for_good_waits_for_its_handlers_no_longer_than_a_drain()
    {
        var never = new TaskCompletionSource();
        var started = new Recorded<RelayDelivery>();
        var running = NewClient().RunAsync(async (delivery, _) =>
        {
            started.Add(delivery);
            await never.Task;
        });
        var connection = await Relay.AuthenticateAsync();
        await connection.DeliverAsync();
        await started.NextAsync();

        await connection.CloseAsync(CloseCodes.Replaced);

        await Assert.ThrowsAsync<RelayReplacedException>(() => AdvanceUntilAsync(running).Soon());
        never.SetResult();
    }

    [Fact]
    public async Task Disposal_waits_for_what_was_taken_and_sends_its_ack()
    {
        var client = NewClient();
        var taken = Receive(client, out var ended);
        var connection = await Relay.AuthenticateAsync();
        var id = await connection.DeliverAsync();
        var delivery = await taken.NextAsync();

        var disposal = client.DisposeAsync().AsTask();
        await ended.Soon();
        Assert.Equal(RelayClientState.Draining, client.State);
        Assert.False(disposal.IsCompleted);
        await delivery.AckAsync();

        await disposal.Soon();
        Assert.Equal(id, (await connection.ReadAsync<ExtendMessage>()).Id);
        Assert.Equal(id, Assert.IsType<AckMessage>(Assert.Single(await connection.ReadToEndAsync())).Id);
        Assert.Equal(WebSocketCloseStatus.NormalClosure, await connection.Closed);
    }

    [Fact]
    public async Task What_is_worked_on_after_its_enumeration_was_left_is_extended_while_the_disposal_waits()
    {
        var client = NewClient(options => options.DrainTimeout = TimeSpan.FromMinutes(2));
        var enumerator = client.ReceiveAsync().GetAsyncEnumerator();
        var first = enumerator.MoveNextAsync().AsTask();
        var connection = await Relay.AuthenticateAsync();
        var id = await connection.DeliverAsync();
        Assert.True(await first.Soon());
        var delivery = enumerator.Current;
        await enumerator.DisposeAsync();
        await connection.DeliverAsync();
        await connection.PingAsync();

        // What was taken is its taker's to extend, what waits is nobody's.
        Clock.Advance(TimeSpan.FromSeconds(25));
        await connection.PingAsync();

        var disposal = client.DisposeAsync().AsTask();
        Assert.Equal(id, (await connection.ReadAsync<ExtendMessage>()).Id);
        for (var round = 0; round < 5; round++)
        {
            Clock.Advance(TimeSpan.FromSeconds(10));
            Assert.Equal(id, (await connection.ReadAsync<ExtendMessage>()).Id);
        }

        await delivery.AckAsync();
        Assert.Equal(id, (await connection.ReadAsync<AckMessage>()).Id);
        await disposal.Soon();
        Assert.Empty(await connection.ReadToEndAsync());
    }

    [Fact]
    public async Task Disposal_reconnects_for_an_ack_that_waits()
    {
        var client = NewClient();
        var reconnecting = Record<RelayReconnecting>(add => client.Reconnecting += add);
        var taken = Receive(client);
        var connection = await Relay.AuthenticateAsync();
        var id = await connection.DeliverAsync();
        var delivery = await taken.NextAsync();
        connection.Cut();
        var delay = (await reconnecting.NextAsync()).Delay;
        await delivery.AckAsync();

        var disposal = client.DisposeAsync().AsTask();
        Clock.Advance(delay);
        connection = await Relay.WelcomeAsync();

        await disposal.Soon();
        Assert.Equal(id, Assert.IsType<AckMessage>(Assert.Single(await connection.ReadToEndAsync())).Id);
    }

    [Fact]
    public async Task Disposal_gives_up_on_a_delivery_that_is_never_settled()
    {
        var client = NewClient();
        var taken = Receive(client);
        var connection = await Relay.AuthenticateAsync();
        await connection.DeliverAsync();
        var delivery = await taken.NextAsync();

        await AdvanceUntilAsync(client.DisposeAsync().AsTask());

        Assert.All(await connection.ReadToEndAsync(), message => Assert.IsType<ExtendMessage>(message));
        Assert.True(delivery.IsSettled);
        await delivery.AckAsync();
    }

    [Fact]
    public async Task Disposal_is_quick_when_nothing_is_open()
    {
        var waiting = NewClient();
        Relay.RefuseWith = 503;
        var reconnecting = Record<RelayReconnecting>(add => waiting.Reconnecting += add);
        Receive(waiting, out var ended);
        await reconnecting.NextAsync();

        await waiting.DisposeAsync().AsTask().Soon();
        await ended.Soon();
        await waiting.DisposeAsync().AsTask().Soon();

        var unused = NewClient();
        await unused.DisposeAsync().AsTask().Soon();
        Assert.Equal(RelayClientState.Closed, unused.State);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => unused.RunAsync((_, _) => Task.CompletedTask));
    }

    [Fact]
    public async Task Disposal_while_connecting_does_not_wait_for_the_server()
    {
        var client = NewClient();
        Receive(client, out var ended);
        var connection = await Relay.AcceptAsync();
        await connection.ReadAsync<AuthMessage>();

        await client.DisposeAsync().AsTask().Soon();

        await ended.Soon();
        await connection.Closed;
    }

    [Fact]
    public async Task Left_enumeration_can_be_taken_up_again()
    {
        var client = NewClient();
        using var stop = new CancellationTokenSource();
        var taken = Receive(client, out var ended, stop.Token);
        var connection = await Relay.AuthenticateAsync();
        await connection.DeliverAsync();
        var held = await taken.NextAsync();

        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ended.Soon());
        await held.AckAsync();
        Assert.Equal(held.Id, (await connection.ReadAsync<AckMessage>()).Id);

        var next = await connection.DeliverAsync();
        Assert.Equal(next, (await Receive(client).NextAsync()).Id);
    }

    /// <summary>The drain's timers are made by other threads; the clock moves until they have all run.</summary>
    private async Task AdvanceUntilAsync(Task task)
    {
        while (!task.IsCompleted)
        {
            Clock.Advance(TimeSpan.FromSeconds(1));
            await Task.WhenAny(task, Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System));
        }

        await task;
    }
}
