using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using Relay.Protocol;

namespace Relay.Server.Tests.Support;

/// <summary>An agent that speaks the wire's own JSON, written without the product's client. Answers pings unless told not to.</summary>
internal sealed class TestAgent : IAsyncDisposable
{
    private readonly ClientWebSocket _socket = new();
    private readonly byte[] _buffer = new byte[4 << 20];

    public bool AnswersPings { get; set; } = true;

    public ClientWebSocket Socket => _socket;

    public JsonElement Welcome { get; private set; }

    public static async Task<TestAgent> OpenAsync(Uri url, string? bearer)
    {
        var agent = new TestAgent();
        agent._socket.Options.KeepAliveInterval = TimeSpan.Zero;
        agent._socket.Options.CollectHttpResponseDetails = true;
        if (bearer is not null)
        {
            agent._socket.Options.SetRequestHeader("Authorization", $"Bearer {bearer}");
        }

        using var patience = new CancellationTokenSource(RelayHost.Patience);
        await agent._socket.ConnectAsync(url, patience.Token);
        return agent;
    }

    public async Task AuthenticateAsync(string apiKey, string relayId = "", int? maxInFlight = null)
    {
        await SendAsync(JsonSerializer.Serialize(new { type = "auth", relay_id = relayId, api_key = apiKey, version = "1.0.0", max_in_flight = maxInFlight }));
        Welcome = await ExpectAsync("auth_success");
    }

    public Task SendAsync(string json) => SendAsync(Encoding.UTF8.GetBytes(json), WebSocketMessageType.Text);

    public async Task SendAsync(byte[] frame, WebSocketMessageType type)
    {
        using var patience = new CancellationTokenSource(RelayHost.Patience);
        await _socket.SendAsync(frame, type, endOfMessage: true, patience.Token);
    }

    public Task AckAsync(params IEnumerable<string> ids) => SendAsync(JsonSerializer.Serialize(new { type = "ack", ids }));

    /// <summary>The next message; fails when the connection closes instead.</summary>
    public async Task<JsonElement> ReceiveAsync() =>
        await TryReceiveAsync() is { } message ? message : throw new InvalidOperationException($"Closed with {_socket.CloseStatus}: {_socket.CloseStatusDescription}");

    public async Task<JsonElement> ExpectAsync(string type)
    {
        var message = await ReceiveAsync();
        Assert.Equal(type, message.GetProperty("type").GetString());
        return message;
    }

    /// <param name="afterGap">Whether it may be told of a gap before.</param>
    public async Task<WebhookMessage> ReceiveWebhookAsync(bool afterGap = false)
    {
        var message = await ReceiveAsync();
        if (afterGap && message.GetProperty("type").GetString() == "gap")
        {
            message = await ReceiveAsync();
        }

        Assert.Equal("webhook", message.GetProperty("type").GetString());
        return Assert.IsType<WebhookMessage>(Frames.ReadServerMessage(Encoding.UTF8.GetBytes(message.GetRawText()), out _));
    }

    public async Task<List<string>> ReceiveWebhookIdsAsync(int count)
    {
        List<string> ids = [];
        while (ids.Count < count)
        {
            ids.Add((await ReceiveWebhookAsync()).Id);
        }

        return ids;
    }

    /// <summary>Whether nothing but an answer to this very call comes: what was sent before was sent before.</summary>
    public async Task AssertSilentAsync()
    {
        await SendAsync("""{"type":"are_you_there"}""");
        var message = await ReceiveAsync();
        Assert.Equal("unknown_message_type", message.GetProperty("error").GetString());
    }

    /// <summary>Reads until the server closes; answers the close code.</summary>
    public async Task<int> ReadToCloseAsync()
    {
        while (await TryReceiveAsync() is not null)
        {
        }

        return (int)_socket.CloseStatus!.Value;
    }

    public async Task CloseAsync()
    {
        using var patience = new CancellationTokenSource(RelayHost.Patience);
        await _socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "", patience.Token);
    }

    /// <summary>Ends the connection as a cut cable would: no close handshake.</summary>
    public void Cut() => _socket.Abort();

    public ValueTask DisposeAsync()
    {
        _socket.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task<JsonElement?> TryReceiveAsync()
    {
        using var patience = new CancellationTokenSource(RelayHost.Patience);
        while (true)
        {
            var length = 0;
            ValueWebSocketReceiveResult received;
            do
            {
                received = await _socket.ReceiveAsync(_buffer.AsMemory(length), patience.Token);
                length += received.Count;
            }
            while (!received.EndOfMessage);

            if (received.MessageType == WebSocketMessageType.Close)
            {
                return null;
            }

            var message = JsonElement.Parse(_buffer.AsSpan(0, length));
            if (!AnswersPings || message.GetProperty("type").GetString() != "ping")
            {
                return message;
            }

            await SendAsync($$"""{"type":"pong","timestamp":{{message.GetProperty("timestamp").GetInt64()}}}""");
        }
    }
}
