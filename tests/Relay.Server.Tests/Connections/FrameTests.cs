using System.Net.WebSockets;
using System.Text;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Connections;

public sealed class FrameTests
{
    [Theory]
    [InlineData("", "invalid_message")]
    [InlineData("nonsense", "invalid_message")]
    [InlineData("{}", "invalid_message")]
    [InlineData("[]", "invalid_message")]
    [InlineData("null", "invalid_message")]
    [InlineData("""{"type":7}""", "invalid_message")]
    [InlineData("""{"type":"ack"}""", "invalid_message")]
    [InlineData("""{"type":"ack","ids":[]}""", "invalid_message")]
    [InlineData("""{"type":"ack","ids":7}""", "invalid_message")]
    [InlineData("""{"type":"nack"}""", "invalid_message")]
    [InlineData("""{"type":"nack","id":"evt_0","retry_after_ms":"soon"}""", "invalid_message")]
    [InlineData("""{"type":"extend"}""", "invalid_message")]
    [InlineData("""{"type":"auth","api_key":"x"}""", "invalid_message")]
    [InlineData("""{"type":"later"}""", "unknown_message_type")]
    [InlineData("""{"type":"ack","id":"nonsense"}""", "unknown_event")]
    [InlineData("""{"type":"ack","ids":[null]}""", "invalid_message")]
    [InlineData("""{"type":"ack","id":"evt_00000000000000000000000000000000"}""", "unknown_event")]
    [InlineData("""{"type":"nack","id":"evt_00000000000000000000000000000000"}""", "unknown_event")]
    [InlineData("""{"type":"extend","id":"evt_00000000000000000000000000000000"}""", "unknown_event")]
    public async Task A_frame_that_cannot_be_used_gets_an_error_and_costs_nothing(string frame, string error)
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);

        await connected.SendAsync(frame);

        var answer = await connected.ExpectAsync("error");
        Assert.Equal(error, answer.GetProperty("error").GetString());
        Assert.NotEmpty(answer.GetProperty("message").GetString()!);
        Assert.True(answer.GetProperty("timestamp").GetInt64() > 0);
        var id = await relay.QueueAsync(agent);
        Assert.Equal(id, (await connected.ReceiveWebhookAsync()).Id);
    }

    [Fact]
    public async Task A_binary_frame_gets_an_error_and_costs_nothing()
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);

        await connected.SendAsync([1, 2, 3], WebSocketMessageType.Binary);

        Assert.Equal("invalid_message", (await connected.ExpectAsync("error")).GetProperty("error").GetString());
        await connected.AssertSilentAsync();
    }

    [Fact]
    public async Task An_oversize_frame_closes_with_4013_and_its_event_is_delivered_again()
    {
        await using var relay = await RelayHost.StartAsync("embedded", settings: [("Relay:Connections:MaxFrameBytes", "65536"), ("Relay:Delivery:RetryDelays:0", "00:00:00")]);
        var agent = await relay.RegisterAsync();
        var id = await relay.QueueAsync(agent);
        await using (var connected = await relay.ConnectAsync(agent))
        {
            await connected.ReceiveWebhookAsync();
            await connected.SendAsync(Encoding.ASCII.GetBytes(new string(' ', 65_537)), WebSocketMessageType.Text);
            Assert.Equal(4013, await connected.ReadToCloseAsync());
        }

        await using var again = await relay.ConnectAsync(agent);
        Assert.Equal(id, (await again.ReceiveWebhookAsync()).Id);
    }

    [Fact]
    public async Task A_fragmented_frame_is_one_message()
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.OpenAsync();
        var auth = Encoding.ASCII.GetBytes($$"""{"type":"auth","api_key":"{{agent.ApiKey}}"}""");

        foreach (var (piece, i) in auth.Chunk(7).Select(static (piece, i) => (piece, i)))
        {
            await connected.Socket.SendAsync(piece, WebSocketMessageType.Text, endOfMessage: (i + 1) * 7 >= auth.Length, CancellationToken.None);
        }

        await connected.ExpectAsync("auth_success");
    }

    [Fact]
    public async Task A_thousand_bad_frames_in_a_row_cost_nothing()
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);

        for (var i = 0; i < 1000; i++)
        {
            await connected.SendAsync("{");
        }

        var id = await relay.QueueAsync(agent);
        while ((await connected.ReceiveAsync()).GetProperty("type").GetString() != "webhook")
        {
        }

        await connected.AckAsync(id);
        await relay.WhenAsync(agent, id, Server.Delivery.EventState.Delivered);
    }
}
