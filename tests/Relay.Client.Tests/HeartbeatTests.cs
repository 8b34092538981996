using System.Text;
using Relay.Protocol;

namespace Relay.Client.Tests;

public sealed class HeartbeatTests : ClientTest
{
    [Fact]
    public async Task Half_open_socket_is_found_after_three_silent_intervals()
    {
        var client = NewClient();
        var connected = Record<RelayConnected>(add => client.Connected += add);
        var disconnected = Record<RelayDisconnected>(add => client.Disconnected += add);
        Receive(client);
        var connection = await Relay.AuthenticateAsync();
        await connected.NextAsync();

        Clock.Advance(TimeSpan.FromSeconds(89));
        await connection.PingAsync();
        Clock.Advance(TimeSpan.FromSeconds(89));
        await connection.PingAsync();
        Assert.Equal(0, disconnected.Count);

        Clock.Advance(TimeSpan.FromSeconds(90));
        Assert.Contains("00:01:30", (await disconnected.NextAsync()).Reason, StringComparison.Ordinal);
        Assert.Null(await connection.Closed);
    }

    [Fact]
    public async Task Pings_are_answered_while_a_handler_is_slow_and_the_window_is_full()
    {
        var slow = new TaskCompletionSource();
        var started = new Recorded<RelayDelivery>();
        var client = NewClient(options => options.MaxInFlight = 8);
        using var stop = new CancellationTokenSource();
        var running = client.RunAsync(
            async (delivery, _) =>
            {
                started.Add(delivery);
                await slow.Task;
            },
            stop.Token);
        var connection = await Relay.AuthenticateAsync();
        for (var i = 0; i < 8; i++)
        {
            await connection.DeliverAsync();
        }

        await started.NextAsync();
        await connection.PingAsync(1);
        await connection.PingAsync(2);

        slow.SetResult();
        await stop.CancelAsync();
        await running.Soon();
    }

    [Fact]
    public async Task Server_that_exceeds_the_window_is_not_read_from_until_there_is_room_and_is_not_taken_for_dead()
    {
        var client = NewClient(options => (options.MaxInFlight, options.AckTimeout) = (1, TimeSpan.FromHours(1)));
        var disconnected = Record<RelayDisconnected>(add => client.Disconnected += add);
        var enumerator = client.ReceiveAsync().GetAsyncEnumerator();
        var first = enumerator.MoveNextAsync();
        var connection = await Relay.AuthenticateAsync();
        var ids = new List<string>();
        for (var i = 0; i < 20; i++)
        {
            ids.Add(await connection.DeliverAsync());
        }

        Assert.True(await first.AsTask().Soon());
        for (var i = 0; i < 20; i++)
        {
            Assert.Equal(ids[i], enumerator.Current.Id);
            Clock.Advance(TimeSpan.FromSeconds(10));
            Assert.True(i == 19 || await enumerator.MoveNextAsync().AsTask().Soon());
        }

        await connection.PingAsync();
        Assert.Equal(0, disconnected.Count);
    }

    [Fact]
    public async Task Pong_repeats_the_pings_time()
    {
        Receive(NewClient());
        var connection = await Relay.AuthenticateAsync();

        await connection.SendAsync(Encoding.UTF8.GetBytes("""{"type":"ping","timestamp":1767323045000}"""));

        Assert.Equal(1767323045000, (await connection.ReadAsync<PongMessage>()).Timestamp);
    }
}
