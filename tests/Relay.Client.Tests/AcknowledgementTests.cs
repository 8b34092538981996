using Relay.Protocol;

namespace Relay.Client.Tests;

public sealed class AcknowledgementTests : ClientTest
{
    [Fact]
    public async Task Ack_nack_and_extend_say_what_they_were_told()
    {
        var taken = Receive(NewClient());
        var connection = await Relay.AuthenticateAsync();
        var ids = new[] { await connection.DeliverAsync(), await connection.DeliverAsync(), await connection.DeliverAsync() };

        await (await taken.NextAsync()).AckAsync();
        Assert.Equal(ids[0], (await connection.ReadAsync<AckMessage>()).Id);

        var second = await taken.NextAsync();
        await second.ExtendAsync();
        Assert.Equal(ids[1], (await connection.ReadAsync<ExtendMessage>()).Id);
        await second.NackAsync(TimeSpan.FromSeconds(5), "not now");
        var nack = await connection.ReadAsync<NackMessage>();
        Assert.Equal((ids[1], "not now", 5000L, null), (nack.Id, nack.Reason, nack.RetryAfterMs, nack.DeadLetter));

        await (await taken.NextAsync()).NackAsync(deadLetter: true);
        nack = await connection.ReadAsync<NackMessage>();
        Assert.Equal((ids[2], null, null, true), (nack.Id, nack.Reason, nack.RetryAfterMs, nack.DeadLetter));
    }

    [Fact]
    public async Task First_settlement_counts()
    {
        var taken = Receive(NewClient());
        var connection = await Relay.AuthenticateAsync();
        await connection.DeliverAsync();
        var delivery = await taken.NextAsync();
        Assert.False(delivery.IsSettled);

        await delivery.AckAsync();
        await delivery.NackAsync();
        await delivery.ExtendAsync();
        await delivery.AckAsync();

        Assert.True(delivery.IsSettled);
        await connection.ReadAsync<AckMessage>();
        await connection.PingAsync();
    }

    [Fact]
    public async Task Negative_delay_is_refused()
    {
        var taken = Receive(NewClient());
        await (await Relay.AuthenticateAsync()).DeliverAsync();
        var delivery = await taken.NextAsync();

        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await delivery.NackAsync(TimeSpan.FromSeconds(-1)));
        Assert.False(delivery.IsSettled);
    }

    [Fact]
    public async Task Reason_is_cut_to_what_the_server_keeps_and_no_character_in_two()
    {
        var taken = Receive(NewClient());
        var connection = await Relay.AuthenticateAsync();
        await connection.DeliverAsync();
        await connection.DeliverAsync();

        // One frame of it would be larger than a server takes.
        await (await taken.NextAsync()).NackAsync(reason: new string('x', 3 << 20));
        Assert.Equal(new string('x', 500), (await connection.ReadAsync<NackMessage>()).Reason);

        await (await taken.NextAsync()).NackAsync(reason: new string('x', 499) + "\U0001F642");
        Assert.Equal(new string('x', 499), (await connection.ReadAsync<NackMessage>()).Reason);
    }

    [Fact]
    public async Task Acks_that_are_ready_together_leave_in_one_frame()
    {
        var client = NewClient();
        var reconnecting = Record<RelayReconnecting>(add => client.Reconnecting += add);
        var taken = Receive(client);
        var connection = await Relay.AuthenticateAsync();
        var ids = new List<string>();
        var deliveries = new List<RelayDelivery>();
        for (var i = 0; i < 300; i++)
        {
            ids.Add(await connection.DeliverAsync());
            deliveries.Add(await taken.NextAsync());
        }

        // While there is no connection they become ready together for certain.
        connection.Cut();
        var delay = (await reconnecting.NextAsync()).Delay;
        foreach (var delivery in deliveries)
        {
            await delivery.AckAsync();
        }

        Clock.Advance(delay);
        connection = await Relay.WelcomeAsync();
        var first = await connection.ReadAsync<AckMessage>();
        var second = await connection.ReadAsync<AckMessage>();
        Assert.Equal(ids, first.Ids!.Concat(second.Ids!));
        Assert.Equal(256, first.Ids!.Count);
    }

    [Fact]
    public async Task Acks_from_many_threads_all_arrive()
    {
        var taken = Receive(NewClient());
        var connection = await Relay.AuthenticateAsync();
        var ids = new HashSet<string>();
        var deliveries = new List<RelayDelivery>();
        for (var i = 0; i < 500; i++)
        {
            ids.Add(await connection.DeliverAsync());
            deliveries.Add(await taken.NextAsync());
        }

        await Parallel.ForEachAsync(deliveries, async (delivery, _) => await delivery.AckAsync());

        while (ids.Count > 0)
        {
            var ack = await connection.ReadAsync<AckMessage>();
            Assert.All(ack.Ids ?? [ack.Id!], id => Assert.True(ids.Remove(id)));
        }
    }

    [Fact]
    public async Task Ack_and_nack_without_a_connection_are_sent_on_the_next_one_but_no_extend()
    {
        var client = NewClient();
        var reconnecting = Record<RelayReconnecting>(add => client.Reconnecting += add);
        var taken = Receive(client);
        var connection = await Relay.AuthenticateAsync();
        var ids = new[] { await connection.DeliverAsync(), await connection.DeliverAsync(), await connection.DeliverAsync() };
        var (first, second, third) = (await taken.NextAsync(), await taken.NextAsync(), await taken.NextAsync());
        connection.Cut();
        var delay = (await reconnecting.NextAsync()).Delay;

        await first.AckAsync();
        await second.NackAsync();
        await third.ExtendAsync();
        Clock.Advance(delay);

        connection = await Relay.WelcomeAsync();
        Assert.Equal(ids[0], (await connection.ReadAsync<AckMessage>()).Id);
        Assert.Equal(ids[1], (await connection.ReadAsync<NackMessage>()).Id);
        await connection.PingAsync();
    }

    [Fact]
    public async Task Server_that_does_not_know_an_acked_event_any_more_is_no_error()
    {
        var client = NewClient();
        var errors = Record<RelayError>(add => client.Error += add);
        Receive(client);
        var connection = await Relay.AuthenticateAsync();

        await connection.SendAsync(new ErrorMessage { Error = ErrorCodes.UnknownEvent, Message = "?", Id = Ids.Next() });
        await connection.SendAsync(new ErrorMessage { Error = ErrorCodes.InvalidMessage, Message = "What?", Id = "evt_x" });

        var error = await errors.NextAsync();
        Assert.Equal((RelayErrorKind.ServerError, "invalid_message: What?", "evt_x"), (error.Kind, error.Message, error.EventId));
    }
}
