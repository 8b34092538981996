using System.Net.Sockets;
using System.Text;
using Relay.Fuzz.Tests.Wire;

namespace Relay.Fuzz.Tests.Fuzzing;

/// <summary>What the fuzzer found, each as a case of its own.</summary>
public sealed class FoundTests
{
    [Theory]
    [InlineData("/api/v1/webhook/{agent}")]
    [InlineData("/api/v1/register")]
    public async Task A_sender_that_resets_its_connection_in_the_middle_of_its_body_is_no_error_in_the_log(string path)
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await relay.RegisterAsync();
        for (var i = 0; i < 20; i++)
        {
            using var sender = new Socket(SocketType.Stream, ProtocolType.Tcp) { LingerState = new LingerOption(true, 0) };
            await sender.ConnectAsync(relay.Url.Host, relay.Url.Port);
            await sender.SendAsync(Encoding.ASCII.GetBytes(
                $"POST {path.Replace("{agent}", agent.RelayId, StringComparison.Ordinal)} HTTP/1.1\r\nHost: x\r\nX-Admin-Key: {RelayHost.AdminKey}\r\nExpect: 100-continue\r\nContent-Length: 100\r\n\r\n"));

            // The server asks for the body, so it reads it now.
            Assert.True(await sender.ReceiveAsync(new byte[100]) > 0);
        }

        // A restart waits for what was begun.
        await relay.RestartAsync();
        Assert.True(!relay.Logs.Errors.Any(), string.Join("\n", relay.Logs.Errors));
    }

    /// <summary>Its end is known before it is answered, so that the answer itself fails.</summary>
    [Theory]
    [InlineData("Content-Length: 100\r\n\r\nhalf")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n5\r\nhalf")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\nzz\r\n")]
    public async Task A_sender_that_says_that_nothing_more_comes_in_the_middle_of_its_body_is_no_error_in_the_log(string rest)
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await relay.RegisterAsync();
        for (var i = 0; i < 20; i++)
        {
            using var sender = new RawHttp(relay.Url);
            var answer = await sender.SendAsync(Encoding.ASCII.GetBytes($"POST /api/v1/webhook/{agent.RelayId} HTTP/1.1\r\nHost: x\r\n{rest}"), isLast: true);
            Assert.True(answer is null or { Status: 400 }, answer?.Head);
        }

        await relay.RestartAsync();
        Assert.True(!relay.Logs.Errors.Any(), string.Join("\n", relay.Logs.Errors));
    }

    [Fact]
    public async Task A_handshake_whose_key_has_spaces_inside_is_refused()
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        using var agent = new RawHttp(relay.Url);

        var answer = await agent.SendAsync(
            Encoding.ASCII.GetBytes(RawWebSocket.Upgrade().Replace("dGhl", $"dGhl{new string(' ', 100)}", StringComparison.Ordinal)), isLast: false);

        Assert.Equal(400, answer?.Status);
    }

    [Fact]
    public async Task A_reply_with_a_header_that_is_null_is_taken_without_it()
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await relay.RegisterAsync();
        using var socket = await RawWebSocket.OpenAsync(relay, agent);
        var id = await relay.QueueAsync(agent);
        Assert.Equal(id, (await socket.ReceiveJsonAsync()).GetProperty("id").GetString());

        await socket.SendAsync(RawFrame.OfText($$"""{"type":"reply","id":"{{id}}","status":200,"headers":{"x-a":null,"location":null},"body":"x"}"""));

        await relay.WhenAsync(agent, id, Server.Delivery.EventState.Delivered);
    }
}
