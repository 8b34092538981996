using Relay.Protocol;

namespace Relay.Client.Tests;

public sealed class ReconnectTests : ClientTest
{
    [Fact]
    public async Task Lost_connection_is_replaced()
    {
        var client = NewClient();
        var disconnected = Record<RelayDisconnected>(add => client.Disconnected += add);
        var reconnecting = Record<RelayReconnecting>(add => client.Reconnecting += add);
        var taken = Receive(client);
        (await Relay.AuthenticateAsync()).Cut();

        Assert.True((await disconnected.NextAsync()).WillReconnect);
        Assert.Equal(new RelayReconnecting(1, TimeSpan.FromSeconds(0.5)), await reconnecting.NextAsync());
        Clock.Advance(TimeSpan.FromSeconds(0.5));

        var id = await (await Relay.AuthenticateAsync()).DeliverAsync();
        Assert.Equal(id, (await taken.NextAsync()).Id);
    }

    [Fact]
    public async Task Attempts_go_on_for_ever_with_growing_delays()
    {
        Relay.RefuseWith = 503;
        var client = NewClient();
        var reconnecting = Record<RelayReconnecting>(add => client.Reconnecting += add);
        var errors = Record<RelayError>(add => client.Error += add);
        var taken = Receive(client);

        double[] halves = [0.5, 1, 2, 4, 8, 15, 15, 15, 15, 15, 15, 15];
        for (var attempt = 1; attempt <= halves.Length; attempt++)
        {
            Assert.Equal(RelayErrorKind.ConnectFailed, (await errors.NextAsync()).Kind);
            Assert.Equal(new RelayReconnecting(attempt, TimeSpan.FromSeconds(halves[attempt - 1])), await reconnecting.NextAsync());
            Assert.Equal(RelayClientState.Waiting, client.State);
            Relay.RefuseWith = attempt == halves.Length ? null : 503;
            Clock.Advance(TimeSpan.FromSeconds(halves[attempt - 1]));
        }

        await (await Relay.AuthenticateAsync()).DeliverAsync();
        await taken.NextAsync();
    }

    [Fact]
    public async Task Limited_attempts_end_with_an_exception()
    {
        Relay.RefuseWith = 503;
        var client = NewClient(options => options.MaxReconnectAttempts = 2);
        client.Reconnecting += reconnecting => ThreadPool.QueueUserWorkItem(_ => Clock.Advance(reconnecting.Delay));

        await Assert.ThrowsAsync<RelayConnectionException>(() => client.RunAsync((_, _) => Task.CompletedTask).Soon());

        Assert.Equal(3, Relay.Requests);
    }

    [Fact]
    public async Task Attempts_are_counted_on_while_connections_do_not_hold()
    {
        var client = NewClient();
        var reconnecting = Record<RelayReconnecting>(add => client.Reconnecting += add);
        Receive(client);

        for (var attempt = 1; attempt <= 3; attempt++)
        {
            (await Relay.AuthenticateAsync()).Cut();
            var told = await reconnecting.NextAsync();
            Assert.Equal(attempt, told.Attempt);
            Clock.Advance(told.Delay);
        }
    }

    [Fact]
    public async Task Attempts_are_counted_anew_after_a_connection_that_brought_something()
    {
        var client = NewClient();
        var reconnecting = Record<RelayReconnecting>(add => client.Reconnecting += add);
        var taken = Receive(client);

        for (var round = 1; round <= 3; round++)
        {
            var connection = await Relay.AuthenticateAsync();
            await connection.DeliverAsync();
            await taken.NextAsync();
            connection.Cut();
            var told = await reconnecting.NextAsync();
            Assert.Equal(1, told.Attempt);
            Clock.Advance(told.Delay);
        }
    }

    [Fact]
    public async Task Attempts_are_counted_anew_after_a_connection_that_lasted()
    {
        var client = NewClient();
        var connected = Record<RelayConnected>(add => client.Connected += add);
        var reconnecting = Record<RelayReconnecting>(add => client.Reconnecting += add);
        Receive(client);

        for (var round = 1; round <= 3; round++)
        {
            var connection = await Relay.AuthenticateAsync();
            await connected.NextAsync();
            Clock.Advance(TimeSpan.FromSeconds(11));
            connection.Cut();
            var told = await reconnecting.NextAsync();
            Assert.Equal(1, told.Attempt);
            Clock.Advance(told.Delay);
        }
    }

    [Fact]
    public async Task Server_that_shuts_down_is_acknowledged_to_until_it_closes_and_rejoined_when_it_said()
    {
        var client = NewClient();
        var reconnecting = Record<RelayReconnecting>(add => client.Reconnecting += add);
        var taken = Receive(client);
        var connection = await Relay.AuthenticateAsync();
        var first = await connection.DeliverAsync();
        await connection.SendAsync(new DisconnectMessage
        {
            Reason = DisconnectReasons.ServerShutdown,
            Message = "Back soon.",
            ReconnectAfterMs = 2000,
        });
        var second = await connection.DeliverAsync();

        await (await taken.NextAsync()).AckAsync();
        Assert.Equal(first, (await connection.ReadAsync<AckMessage>()).Id);
        await (await taken.NextAsync()).AckAsync();
        Assert.Equal(second, (await connection.ReadAsync<AckMessage>()).Id);

        await connection.CloseAsync(CloseCodes.Shutdown);
        Assert.Equal(new RelayReconnecting(1, TimeSpan.FromSeconds(2.25)), await reconnecting.NextAsync());
        Clock.Advance(TimeSpan.FromSeconds(2.25));
        await Relay.AuthenticateAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Loop_that_fails_says_so_to_who_waits(bool receives)
    {
        Relay.RefuseWith = 503;
        var client = NewClient(options => options.Jitter = () => throw new InvalidOperationException("No chance."));
        Task ended;
        if (receives)
        {
            Receive(client, out ended);
        }
        else
        {
            ended = client.RunAsync((_, _) => Task.CompletedTask);
        }

        var failure = await Assert.ThrowsAsync<RelayException>(() => ended.Soon());

        Assert.Equal("No chance.", Assert.IsType<InvalidOperationException>(failure.InnerException).Message);
        Assert.Equal(RelayClientState.Closed, client.State);
        await Assert.ThrowsAsync<RelayException>(() => client.RunAsync((_, _) => Task.CompletedTask).Soon());
        await client.DisposeAsync().AsTask().Soon();
    }

    [Fact]
    public async Task Server_that_does_not_answer_the_key_is_given_up_on()
    {
        var client = NewClient();
        var reconnecting = Record<RelayReconnecting>(add => client.Reconnecting += add);
        var errors = Record<RelayError>(add => client.Error += add);
        Receive(client);
        var connection = await Relay.AcceptAsync();
        await connection.ReadAsync<AuthMessage>();

        Clock.Advance(TimeSpan.FromSeconds(15));

        Assert.Equal(1, (await reconnecting.NextAsync()).Attempt);
        Assert.Contains("00:00:15", (await errors.NextAsync()).Message, StringComparison.Ordinal);
        Assert.Null(await connection.Closed);
    }

    [Theory]
    [InlineData(1, 0.0, 0)]
    [InlineData(1, 0.5, 500)]
    [InlineData(4, 0.5, 4000)]
    [InlineData(6, 0.999, 29970)]
    [InlineData(5000, 0.5, 15000)]
    public void Delay_is_a_random_part_of_a_doubling_capped_ceiling(int attempts, double jitter, double expectedMs)
    {
        var backoff = new Backoff(new RelayClientOptions { Jitter = () => jitter });
        var delay = TimeSpan.Zero;
        for (var i = 0; i < attempts; i++)
        {
            delay = backoff.Next(held: false, hint: null);
        }

        Assert.Equal(expectedMs, delay.TotalMilliseconds, 0.001);
    }

    [Fact]
    public void Extreme_delays_do_not_overflow()
    {
        var day = TimeSpan.FromDays(1);
        var backoff = new Backoff(new RelayClientOptions { Jitter = () => 1, ReconnectBaseDelay = day, MaxReconnectDelay = day });

        Assert.All(Enumerable.Range(0, 3000), _ => Assert.Equal(day, backoff.Next(held: false, hint: null)));
    }

    [Fact]
    public void Hint_does_not_override_the_backoff_of_a_server_that_never_holds_nor_the_cap()
    {
        var backoff = new Backoff(new RelayClientOptions { Jitter = () => 0.5 });

        Assert.Equal(250, backoff.Next(held: true, TimeSpan.Zero).TotalMilliseconds);
        Assert.Equal(1000, backoff.Next(held: false, TimeSpan.Zero).TotalMilliseconds);
        Assert.Equal(2000, backoff.Next(held: false, TimeSpan.Zero).TotalMilliseconds);
        Assert.Equal(30_000, backoff.Next(held: true, TimeSpan.FromDays(1)).TotalMilliseconds);
    }
}
