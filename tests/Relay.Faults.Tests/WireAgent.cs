using System.Globalization;
using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using Relay.Protocol;

namespace Relay.Faults.Tests;

/// <summary>An agent that speaks the wire's own JSON, so that it can behave as no client of ours does. One reader; Send: any thread.</summary>
internal sealed class WireAgent : IAsyncDisposable
{
    private readonly ClientWebSocket _socket = new();
    private readonly SemaphoreSlim _sending = new(1);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _reading;
    private int _unknown;

    /// <param name="url">Of the server.</param>
    /// <param name="agent">Who it is.</param>
    /// <param name="tally">Counts what comes.</param>
    /// <param name="handle">What it does with an event: its id, its number, its attempt.</param>
    public WireAgent(Uri url, RegisterResponse agent, Tally tally, Func<WireAgent, string, int, int, Task> handle)
    {
        _socket.Options.SetRequestHeader("Authorization", $"Bearer {agent.ApiKey}");
        _reading = ReadAsync(new UriBuilder(url) { Scheme = "ws", Path = "/api/v1/connect" }.Uri, tally, handle);
    }

    /// <summary>How often the server said that it knows no such event.</summary>
    public int Unknown => Volatile.Read(ref _unknown);

    public async Task AckAsync(string id)
    {
        await _sending.WaitAsync();
        try
        {
            await _socket.SendAsync(Encoding.UTF8.GetBytes($$"""{"type":"ack","id":"{{id}}"}"""), WebSocketMessageType.Text, endOfMessage: true, _stop.Token);
        }
        finally
        {
            _sending.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _reading;
        _socket.Dispose();
        _sending.Dispose();
        _stop.Dispose();
    }

    private async Task ReadAsync(Uri url, Tally tally, Func<WireAgent, string, int, int, Task> handle)
    {
        try
        {
            await _socket.ConnectAsync(url, _stop.Token);
            var buffer = new byte[64 << 10];
            while (await _socket.ReceiveAsync(buffer.AsMemory(), _stop.Token) is { MessageType: WebSocketMessageType.Text, EndOfMessage: true } received)
            {
                var message = JsonElement.Parse(buffer.AsSpan(0, received.Count));
                switch (message.GetProperty("type").GetString())
                {
                    case "webhook":
                        var number = int.Parse(message.GetProperty("payload").GetRawText(), CultureInfo.InvariantCulture);
                        tally.Deliver(number);
                        await handle(this, message.GetProperty("id").GetString()!, number, message.GetProperty("attempt").GetInt32());
                        break;
                    case "error" when message.GetProperty("error").GetString() == "unknown_event":
                        Interlocked.Increment(ref _unknown);
                        break;
                    default:
                        break;
                }
            }
        }
        catch (OperationCanceledException)
        {
        }
    }
}
