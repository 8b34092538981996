using System.Buffers.Binary;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Relay.Protocol;

namespace Relay.Fuzz.Tests.Wire;

/// <summary>A WebSocket client that sends whatever bytes it is given. One user at a time.</summary>
internal sealed class RawWebSocket : IDisposable
{
    private readonly Socket _socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, LingerState = new LingerOption(true, 0) };
    private readonly byte[] _buffer = new byte[64 << 10];
    private int _start;
    private int _end;

    private RawWebSocket()
    {
    }

    /// <summary>The head of the server's answer to the upgrade.</summary>
    public string Head { get; private set; } = "";

    /// <summary>Sends an upgrade request, to which the caller may add lines, each with its end.</summary>
    public static async Task<RawWebSocket> OpenAsync(Uri server, string lines = "")
    {
        var opened = new RawWebSocket();
        await opened.ConnectAsync(server);
        await opened.SendAsync(Encoding.Latin1.GetBytes(Upgrade(lines)));
        opened.Head = await opened.ReadHeadAsync();
        Assert.StartsWith("HTTP/1.1 101 ", opened.Head, StringComparison.Ordinal);

        // RFC 6455 §1.3: of the key below, made with another's code.
        Assert.Contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", opened.Head, StringComparison.Ordinal);
        return opened;
    }

    public static string Upgrade(string lines = "") =>
        "GET /api/v1/connect HTTP/1.1\r\nHost: relay.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + lines + "\r\n";

    public static async Task<RawWebSocket> OpenAsync(RelayHost relay, RegisterResponse agent)
    {
        var opened = await OpenAsync(relay.Url);
        await opened.SendAsync(RawFrame.OfText($$"""{"type":"auth","api_key":"{{agent.ApiKey}}"}"""));
        Assert.Equal("auth_success", (await opened.ReceiveJsonAsync()).GetProperty("type").GetString());
        return opened;
    }

    public Task SendAsync(params IEnumerable<RawFrame> frames) => SendAsync([.. frames.SelectMany(static frame => frame.ToBytes())]);

    public async Task SendAsync(byte[] bytes)
    {
        using var patience = new CancellationTokenSource(RelayHost.Patience);
        for (var sent = 0; sent < bytes.Length;)
        {
            sent += await _socket.SendAsync(bytes.AsMemory(sent), patience.Token);
        }
    }

    /// <summary>Closes the sending half of the connection.</summary>
    public void EndSending() => _socket.Shutdown(SocketShutdown.Send);

    /// <returns>The next message, whose frame is text and whole.</returns>
    public async Task<JsonElement> ReceiveJsonAsync()
    {
        var frame = await ReceiveAsync();
        Assert.True(frame is { Opcode: RawFrame.Text, Fin: true }, $"Not a message: {frame} {frame?.CloseCode}");
        return JsonElement.Parse(frame!.Payload);
    }

    /// <returns>The next frame, as RFC 6455 wants a server to send it; null at the end of the connection.</returns>
    public async Task<RawFrame?> ReceiveAsync()
    {
        if (!await FillAsync(2))
        {
            return null;
        }

        var (first, second) = (_buffer[_start], _buffer[_start + 1]);
        Assert.Equal(0, first & 0x70);
        Assert.Equal(0, second & 0x80);
        _start += 2;
        long length = second;
        if (second >= 126)
        {
            var more = second == 126 ? 2 : 8;
            Assert.True(await FillAsync(more));
            length = more == 2 ? BinaryPrimitives.ReadUInt16BigEndian(_buffer.AsSpan(_start)) : BinaryPrimitives.ReadInt64BigEndian(_buffer.AsSpan(_start));
            _start += more;
        }

        var payload = new byte[length];
        for (var read = 0; read < length;)
        {
            if (!await FillAsync(1))
            {
                return null;
            }

            var count = Math.Min(_end - _start, (int)length - read);
            _buffer.AsSpan(_start, count).CopyTo(payload.AsSpan(read));
            (_start, read) = (_start + count, read + count);
        }

        return new RawFrame(first & 0x0f, payload) { Fin = (first & 0x80) != 0, Masked = false };
    }

    public void Dispose() => _socket.Dispose();

    private async Task ConnectAsync(Uri server)
    {
        using var patience = new CancellationTokenSource(RelayHost.Patience);
        await _socket.ConnectAsync(server.Host, server.Port, patience.Token);
    }

    private async Task<string> ReadHeadAsync()
    {
        var length = 0;
        while ((length = _buffer.AsSpan(_start, _end - _start).IndexOf("\r\n\r\n"u8)) < 0)
        {
            Assert.True(await FillAsync(_end - _start + 1), "Closed without an answer.");
        }

        var head = Encoding.Latin1.GetString(_buffer, _start, length + 2);
        _start += length + 4;
        return head;
    }

    /// <returns>False when the connection ended before there were as many bytes.</returns>
    private async Task<bool> FillAsync(int count)
    {
        if (_end - _start < count && _buffer.Length - _start < count)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }

        if (_start == _end)
        {
            _start = _end = 0;
        }

        using var patience = new CancellationTokenSource(RelayHost.Patience);
        while (_end - _start < count)
        {
            try
            {
                var read = await _socket.ReceiveAsync(_buffer.AsMemory(_end), patience.Token);
                if (read == 0)
                {
                    return false;
                }

                _end += read;
            }
            catch (SocketException)
            {
                return false;
            }
        }

        return true;
    }
}
