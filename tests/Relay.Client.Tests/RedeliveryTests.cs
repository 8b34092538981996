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

        Assert.True(await enumerator.MoveNextAsync().AsTask().Soon());
        Assert.Equal(waiting, enumerator.Current.Id);
        Assert.True(await enumerator.MoveNextAsync().AsTask().Soon());
        Assert.Equal(last, enumerator.Current.Id);
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

    private async Task<FakeConnection> ReplaceAsync(RelayClient client, FakeConnection connection)
    {
        var reconnecting = Record<RelayReconnecting>(add => client.Reconnecting += add);
        connection.Cut();
        Clock.Advance((await reconnecting.NextAsync()).Delay);
        return await Relay.AuthenticateAsync();
    }
}
