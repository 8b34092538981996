using Microsoft.Extensions.Logging;
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

    [Theory]
    [InlineData(LogLevel.Trace)]
    [InlineData(LogLevel.Warning)]
    public async Task Logger_that_throws_does_not_harm_the_loop(LogLevel throwsFrom)
    {
        Relay.RefuseWith = 503;
        var log = new RecordingLogger { ThrowsFrom = throwsFrom };
        var client = NewClient(options => options.LoggerFactory = log);
        var reconnecting = Record<RelayReconnecting>(add => client.Reconnecting += add);
        var errors = Record<RelayError>(add => client.Error += add);
        client.Connected += _ => throw new InvalidOperationException("connected");
        var taken = Receive(client);

        Assert.Equal(RelayErrorKind.ConnectFailed, (await errors.NextAsync()).Kind);
        var delay = (await reconnecting.NextAsync()).Delay;
        Relay.RefuseWith = null;
        Clock.Advance(delay);
        var id = await (await Relay.AuthenticateAsync()).DeliverAsync();

        Assert.Equal(id, (await taken.NextAsync()).Id);
        Assert.Contains(log.Lines, line => line.Level == LogLevel.Error);
    }

    [Fact]
    public async Task Gap_is_raised_and_logged_as_a_warning()
    {
        var client = NewClient();
        var gaps = Record<RelayGap>(add => client.Gap += add);
        Receive(client);
        var connection = await Relay.AuthenticateAsync();

        await connection.SendAsync("""{"type":"gap","reason":"expired","count":3,"from":1767225600123,"to":1767225600456}""");
        await connection.SendAsync("""{"type":"gap","reason":"expired","count":1,"from":-9223372036854775808,"to":9223372036854775807}""");

        var from = DateTimeOffset.FromUnixTimeMilliseconds(1767225600123);
        Assert.Equal(new RelayGap("expired", 3, from, from.AddMilliseconds(333)), await gaps.NextAsync());
        Assert.Equal(DateTimeOffset.MaxValue.Year, (await gaps.NextAsync()).To.Year);
        Assert.Contains(Logger.Lines, line => line.Level == LogLevel.Warning && line.Text.Contains("gave up 3 events (expired)", StringComparison.Ordinal));
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
