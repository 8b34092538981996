using System.Net.WebSockets;
using System.Text;
using System.Text.Json;
using Relay.Protocol;

namespace Relay.Faults.Tests.Proxies;

/// <summary>An agent's WebSocket through nginx.</summary>
internal sealed class ProxiedAgent : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly ClientWebSocket _socket = new();
    private readonly byte[] _buffer = new byte[4 << 20];

    /// <param name="proxy">Where.</param>
    /// <param name="agent">Who.</param>
    /// <param name="isInHeader">Whether the key is in the upgrade request, or else in the first frame.</param>
    public static async Task<ProxiedAgent> ConnectAsync(NginxProcess proxy, RegisterResponse agent, bool isInHeader = true)
    {
        var connected = new ProxiedAgent();
        try
        {
            connected._socket.Options.RemoteCertificateValidationCallback = (_, shown, _, _) => proxy.IsOwn(shown);
            if (isInHeader)
            {
                connected._socket.Options.SetRequestHeader("Authorization", $"Bearer {agent.ApiKey}");
            }

            using var patience = new CancellationTokenSource(Patience);
            await connected._socket.ConnectAsync(new UriBuilder(proxy.Url) { Scheme = "wss", Path = "/api/v1/connect" }.Uri, patience.Token);
            if (!isInHeader)
            {
                await connected.SendAsync($$"""{"type":"auth","api_key":"{{agent.ApiKey}}","version":"1.0.0"}""");
            }

            await connected.ReceiveAsync("auth_success");
            return connected;
        }
        catch
        {
            connected.Dispose();
            throw;
        }
    }

    /// <summary>The next message of a type; others are skipped.</summary>
    public async Task<JsonElement> ReceiveAsync(string type)
    {
        using var patience = new CancellationTokenSource(Patience);
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

            if (received.MessageType != WebSocketMessageType.Text)
            {
                throw new WebSocketException("The connection was closed.");
            }

            var message = JsonElement.Parse(_buffer.AsSpan(0, length));
            if (message.GetProperty("type").GetString() == type)
            {
                return message;
            }
        }
    }

    public Task SendAsync(string json) => _socket.SendAsync(Encoding.UTF8.GetBytes(json), WebSocketMessageType.Text, endOfMessage: true, CancellationToken.None);

    public void Dispose() => _socket.Dispose();
}
