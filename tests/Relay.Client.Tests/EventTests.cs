using Relay.Protocol;

namespace Relay.Client.Tests;

public sealed class EventTests : ClientTest
{
    [Fact]
    public async Task Subscriber_that_throws_harms_neither_the_loop_nor_other_subscribers()
    {
        ExpectedErrors = 4;
        var client = NewClient();
        client.Connected += _ => throw new InvalidOperationException("connected");
        client.Disconnected += _ => throw new InvalidOperationException("disconnected");
        client.Reconnecting += _ => throw new InvalidOperationException("reconnecting");
        client.Error += _ => throw new InvalidOperationException("error");
        var connected = Record<RelayConnected>(add => client.Connected += add);
        var reconnecting = Record<RelayReconnecting>(add => client.Reconnecting += add);
        var errors = Record<RelayError>(add => client.Error += add);
        var taken = Receive(client);

        var connection = await Relay.AuthenticateAsync();
        await connected.NextAsync();
        await connection.SendAsync("nonsense");
        await errors.NextAsync();
        connection.Cut();
        Clock.Advance((await reconnecting.NextAsync()).Delay);
        connection = await Relay.AcceptAsync();
        await connection.ReadAsync<AuthMessage>();

        Assert.Equal(0, taken.Count);
        await client.DisposeAsync().AsTask().Soon();
    }

    [Fact]
    public async Task Subscriber_that_left_is_not_called()
    {
        var client = NewClient();
        var connected = new Recorded<RelayConnected>();
        var still = Record<RelayConnected>(add => client.Connected += add);
        client.Connected += connected.Add;
        client.Connected -= connected.Add;
        Receive(client);

        await Relay.AuthenticateAsync();

        await still.NextAsync();
        Assert.Equal(0, connected.Count);
    }
}
