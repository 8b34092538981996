using Relay.Protocol;

namespace Relay.Client.Tests;

public sealed class RedeliveryTests : ClientTest
{
    [Fact]
    public async Task Event_that_is_being_worked_on_is_not_shown_again_after_a_reconnect()
    {
        var client = NewClient();
        var taken = Receive(client);
        var connection = await Relay.AuthenticateAsync();
        var held = await connection.DeliverAsync();
        var delivery = await taken.NextAsync();
        connection = await ReplaceAsync(client, connection);

        await connection.DeliverAsync(id: held, attempt: 2);
        var other = await connection.DeliverAsync();

        Assert.Equal(other, (await taken.NextAsync()).Id);
        await delivery.AckAsync();
        Assert.Equal(held, (await connection.ReadAsync<AckMessage>()).Id);
    }

    [Fact]
    public async Task Event_that_was_acked_here_is_acked_again_and_not_shown_again()
    {
        var client = NewClient();
        var taken = Receive(client);
        var connection = await Relay.AuthenticateAsync();
        var acked = await connection.DeliverAsync();
        await (await taken.NextAsync()).AckAsync();
        await connection.ReadAsync<AckMessage>();
        connection = await ReplaceAsync(client, connection);

        await connection.DeliverAsync(id: acked, attempt: 2);
        Assert.Equal(acked, (await connection.ReadAsync<AckMessage>()).Id);

        var other = await connection.DeliverAsync();
        Assert.Equal(other, (await taken.NextAsync()).Id);
    }

    [Fact]
    public async Task Event_that_was_given_back_is_shown_again()
    {
        var taken = Receive(NewClient());
        var connection = await Relay.AuthenticateAsync();
        var id = await connection.DeliverAsync();
        await (await taken.NextAsync()).NackAsync();
        await connection.ReadAsync<NackMessage>();

        await connection.DeliverAsync(id: id, attempt: 2);

        var again = await taken.NextAsync();
        Assert.Equal((id, 2), (again.Id, again.Attempt));
    }

    [Fact]
    public async Task Event_that_nobody_took_before_the_connection_was_lost_is_shown_when_it_comes_again()
    {
        var client = NewClient();
        var enumerator = client.ReceiveAsync().GetAsyncEnumerator();
        var first = enumerator.MoveNextAsync().AsTask();
        var connection = await Relay.AuthenticateAsync();
        var held = await connection.DeliverAsync();
        Assert.True(await first.Soon());
        var waiting = await connection.DeliverAsync();
        await connection.PingAsync();
        connection = await ReplaceAsync(client, connection);

        await connection.DeliverAsync(id: held, attempt: 2);
        await connection.DeliverAsync(id: waiting, attempt: 2);

        Assert.True(await enumerator.MoveNextAsync().AsTask().Soon());
        Assert.Equal((waiting, 2), (enumerator.Current.Id, enumerator.Current.Attempt));
    }

    [Fact]
    public async Task Event_whose_lease_ended_while_it_waited_here_is_shown_once()
    {
        var client = NewClient();
        var enumerator = client.ReceiveAsync().GetAsyncEnumerator();
        var first = enumerator.MoveNextAsync().AsTask();
        var connection = await Relay.AuthenticateAsync();
        await connection.DeliverAsync();
        Assert.True(await first.Soon());
        var waiting = await connection.DeliverAsync();
        await connection.DeliverAsync(id: waiting, attempt: 2);
        var last = await connection.DeliverAsync();
        await connection.PingAsync();

        Assert.True(await enumerator.MoveNextAsync().AsTask().Soon());
        Assert.Equal(waiting, enumerator.Current.Id);
        Assert.True(await enumerator.MoveNextAsync().AsTask().Soon());
        Assert.Equal(last, enumerator.Current.Id);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Event_that_was_taken_and_forgotten_is_shown_again_when_its_lease_ended_and_settled_by_either(bool byTheFirst)
    {
        var taken = Receive(NewClient());
        var connection = await Relay.AuthenticateAsync();
        var id = await connection.DeliverAsync();
        var first = await taken.NextAsync();

        await connection.DeliverAsync(id: id, attempt: 2);
        var second = await taken.NextAsync();
        await connection.DeliverAsync(id: id, attempt: 2);
        await connection.DeliverAsync(id: id, attempt: 3);
        var third = await taken.NextAsync();

        Assert.Equal((id, 2, 3), (second.Id, second.Attempt, third.Attempt));
        Assert.All([first, second, third], static delivery => Assert.False(delivery.IsSettled));
        await first.ExtendAsync();
        Assert.Equal(id, (await connection.ReadAsync<ExtendMessage>()).Id);
        await (byTheFirst ? first : third).AckAsync();
        Assert.Equal(id, (await connection.ReadAsync<AckMessage>()).Id);
        Assert.All([first, second, third], static delivery => Assert.True(delivery.IsSettled));
        await (byTheFirst ? third : first).NackAsync();
        await second.NackAsync();
        await connection.PingAsync();
    }

    [Fact]
    public async Task Event_that_waits_to_be_shown_again_is_not_when_it_was_settled_meanwhile()
    {
        var (enumerator, connection) = await TakeOneAsync();
        var first = enumerator.Current;
        await connection.DeliverAsync(id: first.Id, attempt: 2);
        var other = await connection.DeliverAsync();
        await connection.PingAsync();

        await first.NackAsync();

        Assert.Equal(first.Id, (await connection.ReadAsync<NackMessage>()).Id);
        Assert.True(await enumerator.MoveNextAsync().AsTask().Soon());
        Assert.Equal(other, enumerator.Current.Id);
    }

    [Fact]
    public async Task Event_that_was_forgotten_before_a_reconnect_is_shown_again_when_its_next_lease_ended()
    {
        var client = NewClient();
        var taken = Receive(client);
        var connection = await Relay.AuthenticateAsync();
        var id = await connection.DeliverAsync();
        await taken.NextAsync();
        connection = await ReplaceAsync(client, connection);

        await connection.DeliverAsync(id: id, attempt: 2);
        await connection.DeliverAsync(id: id, attempt: 3);

        Assert.Equal(3, (await taken.NextAsync()).Attempt);
    }

    [Fact]
    public async Task Event_that_waits_to_be_shown_again_when_the_connection_is_lost_can_still_be_settled()
    {
        var client = NewClient();
        var (enumerator, connection) = await TakeOneAsync(client);
        var first = enumerator.Current;
        await connection.DeliverAsync(id: first.Id, attempt: 2);
        await connection.PingAsync();
        connection = await ReplaceAsync(client, connection);
        await connection.DeliverAsync(id: first.Id, attempt: 3);
        await connection.PingAsync();

        Assert.False(first.IsSettled);
        await first.AckAsync();

        Assert.Equal(first.Id, (await connection.ReadAsync<AckMessage>()).Id);
    }

    [Fact]
    public async Task Disposal_waits_for_what_was_shown_again_to_be_settled()
    {
        var client = NewClient();
        var (enumerator, connection) = await TakeOneAsync(client);
        var first = enumerator.Current;
        await connection.DeliverAsync(id: first.Id, attempt: 2);
        await connection.PingAsync();

        var disposal = client.DisposeAsync().AsTask();
        Assert.Equal(first.Id, (await connection.ReadAsync<ExtendMessage>()).Id);
        Assert.False(disposal.IsCompleted);
        await first.AckAsync();

        Assert.Equal(first.Id, (await connection.ReadAsync<AckMessage>()).Id);
        await disposal.Soon();
    }

    [Fact]
    public async Task Event_that_a_handler_works_on_is_not_shown_again()
    {
        using var stop = new CancellationTokenSource();
        var finish = new TaskCompletionSource();
        var started = new Recorded<string>();
        var running = NewClient(options => options.Concurrency = 2).RunAsync(
            async (delivery, _) =>
            {
                started.Add(delivery.Id);
                await finish.Task;
            },
            stop.Token);
        var connection = await Relay.AuthenticateAsync();
        var id = await connection.DeliverAsync();
        Assert.Equal(id, await started.NextAsync());

        await connection.DeliverAsync(id: id, attempt: 2);
        var other = await connection.DeliverAsync();

        Assert.Equal(other, await started.NextAsync());
        finish.SetResult();
        await stop.CancelAsync();
        await running.Soon();
    }

    [Fact]
    public void Only_the_last_ids_are_remembered()
    {
        var recent = new RecentIds(2);
        recent.Add("a");
        recent.Add("a");
        recent.Add("b");
        Assert.True(recent.Contains("a"));

        recent.Add("c");

        Assert.Equal((false, true, true), (recent.Contains("a"), recent.Contains("b"), recent.Contains("c")));
    }

    private async Task<(IAsyncEnumerator<RelayDelivery> Enumerator, FakeConnection Connection)> TakeOneAsync(RelayClient? client = null)
    {
        var enumerator = (client ?? NewClient()).ReceiveAsync().GetAsyncEnumerator();
        var first = enumerator.MoveNextAsync().AsTask();
        var connection = await Relay.AuthenticateAsync();
        await connection.DeliverAsync();
        Assert.True(await first.Soon());
        return (enumerator, connection);
    }

    private async Task<FakeConnection> ReplaceAsync(RelayClient client, FakeConnection connection)
    {
        var reconnecting = Record<RelayReconnecting>(add => client.Reconnecting += add);
        connection.Cut();
        Clock.Advance((await reconnecting.NextAsync()).Delay);
        return await Relay.AuthenticateAsync();
    }
}
