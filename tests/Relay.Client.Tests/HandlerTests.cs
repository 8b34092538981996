using Relay.Protocol;

namespace Relay.Client.Tests;

public sealed class HandlerTests : ClientTest, IDisposable
{
    private readonly CancellationTokenSource _stop = new();

    [Fact]
    public async Task Event_is_acked_when_its_handler_ended_and_not_before()
    {
        var finish = new TaskCompletionSource();
        var started = new Recorded<RelayDelivery>();
        var running = NewClient().RunAsync(
            async (delivery, _) =>
            {
                started.Add(delivery);
                await finish.Task;
            },
            _stop.Token);
        var connection = await Relay.AuthenticateAsync();
        var id = await connection.DeliverAsync();
        await started.NextAsync();

        await connection.PingAsync();
        finish.SetResult();

        Assert.Equal(id, (await connection.ReadAsync<AckMessage>()).Id);
        await StopAsync(running);
    }

    [Fact]
    public async Task Event_is_given_back_with_the_reason_when_its_handler_throws()
    {
        var client = NewClient();
        var errors = Record<RelayError>(add => client.Error += add);
        var running = client.RunAsync(
            (delivery, _) => delivery.Attempt == 1 ? throw new InvalidOperationException(new string('x', 1000)) : Task.CompletedTask, _stop.Token);
        var connection = await Relay.AuthenticateAsync();
        var id = await connection.DeliverAsync();

        var nack = await connection.ReadAsync<NackMessage>();

        Assert.Equal((id, null, null), (nack.Id, nack.RetryAfterMs, nack.DeadLetter));
        Assert.StartsWith("InvalidOperationException: xxx", nack.Reason, StringComparison.Ordinal);
        Assert.Equal(500, nack.Reason!.Length);
        var error = await errors.NextAsync();
        Assert.Equal((RelayErrorKind.HandlerFailed, id), (error.Kind, error.EventId));
        Assert.IsType<InvalidOperationException>(error.Exception);

        await connection.DeliverAsync(id: id, attempt: 2);
        Assert.Equal(id, (await connection.ReadAsync<AckMessage>()).Id);
        await StopAsync(running);
    }

    [Fact]
    public async Task Handler_may_settle_by_itself()
    {
        var running = NewClient().RunAsync(async (delivery, _) => await delivery.NackAsync(reason: "mine"), _stop.Token);
        var connection = await Relay.AuthenticateAsync();
        await connection.DeliverAsync();

        Assert.Equal("mine", (await connection.ReadAsync<NackMessage>()).Reason);
        await connection.PingAsync();
        await StopAsync(running);
    }

    [Fact]
    public async Task What_runs_and_what_waits_is_extended_every_third_of_the_ack_timeout()
    {
        var finish = new TaskCompletionSource();
        var started = new Recorded<RelayDelivery>();
        var running = NewClient().RunAsync(
            async (delivery, _) =>
            {
                started.Add(delivery);
                await finish.Task;
            },
            _stop.Token);
        var connection = await Relay.AuthenticateAsync();
        string[] ids = [await connection.DeliverAsync(), await connection.DeliverAsync()];
        await started.NextAsync();
        await connection.PingAsync();

        for (var round = 0; round < 3; round++)
        {
            Clock.Advance(TimeSpan.FromSeconds(10));
            Assert.Equal(ids, new[] { (await connection.ReadAsync<ExtendMessage>()).Id!, (await connection.ReadAsync<ExtendMessage>()).Id! }.Order());
        }

        finish.SetResult();
        await StopAsync(running);
    }

    [Fact]
    public async Task Under_an_enumeration_only_what_waits_is_extended()
    {
        var client = NewClient();
        var enumerator = client.ReceiveAsync().GetAsyncEnumerator();
        var first = enumerator.MoveNextAsync().AsTask();
        var connection = await Relay.AuthenticateAsync();
        await connection.DeliverAsync();
        await first.Soon();
        var waiting = await connection.DeliverAsync();
        await connection.PingAsync();

        Clock.Advance(TimeSpan.FromSeconds(10));

        Assert.Equal(waiting, (await connection.ReadAsync<ExtendMessage>()).Id);
        await connection.PingAsync();
    }

    [Fact]
    public async Task As_many_handlers_run_as_were_asked_for()
    {
        var finish = new TaskCompletionSource();
        var started = new Recorded<RelayDelivery>();
        var running = NewClient(options => options.Concurrency = 3).RunAsync(
            async (delivery, _) =>
            {
                started.Add(delivery);
                await finish.Task;
            },
            _stop.Token);
        var connection = await Relay.AuthenticateAsync();
        for (var i = 0; i < 4; i++)
        {
            await connection.DeliverAsync();
        }

        await started.NextAsync();
        await started.NextAsync();
        await started.NextAsync();
        await connection.PingAsync();
        Assert.Equal(0, started.Count);

        finish.SetResult();
        await started.NextAsync();
        await StopAsync(running);
    }

    [Fact]
    public async Task One_handler_at_a_time_keeps_the_order()
    {
        var handled = new Recorded<string>();
        var running = NewClient().RunAsync(
            async (delivery, _) =>
            {
                await Task.Yield();
                handled.Add(delivery.Id);
            },
            _stop.Token);
        var connection = await Relay.AuthenticateAsync();
        var ids = new List<string>();
        for (var i = 0; i < 100; i++)
        {
            ids.Add(await connection.DeliverAsync());
        }

        foreach (var id in ids)
        {
            Assert.Equal(id, await handled.NextAsync());
        }

        await StopAsync(running);
    }

    [Fact]
    public async Task Client_has_one_consumer_at_a_time()
    {
        var client = NewClient();
        var running = client.RunAsync((_, _) => Task.CompletedTask, _stop.Token);
        await Relay.AuthenticateAsync();

        await Assert.ThrowsAsync<InvalidOperationException>(() => client.RunAsync((_, _) => Task.CompletedTask));
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await client.ReceiveAsync().GetAsyncEnumerator().MoveNextAsync());

        await StopAsync(running);
    }

    public void Dispose() => _stop.Dispose();

    private async Task StopAsync(Task running)
    {
        await _stop.CancelAsync();
        await running.Soon();
    }
}
