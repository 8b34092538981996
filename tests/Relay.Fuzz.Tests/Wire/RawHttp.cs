using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Relay.Fuzz.Tests.Wire;

/// <summary>An answer as it came.</summary>
internal sealed record RawAnswer(int Status, string Head, byte[] Body);

/// <summary>An HTTP/1.1 client that sends whatever bytes it is given, and keeps its connection while the server does. One user at a time.</summary>
internal sealed class RawHttp(Uri server) : IDisposable
{
    private readonly MemoryStream _received = new();
    private readonly byte[] _buffer = new byte[16 << 10];
    private Socket? _socket;

    /// <summary>What a server's answer to a close with 1000 is.</summary>
    public static ReadOnlySpan<byte> ClosedNormally => [0x88, 2, 1000 >> 8, 1000 & 0xff];

    /// <param name="request">A whole request, or what is left of one.</param>
    /// <param name="isLast">Whether the sending half of the connection is closed after it.</param>
    /// <returns>
    /// The answer; null when the connection ended without a whole one, or none came in time. What is upgraded is closed as a WebSocket, and the body
    /// is all that came until its end. A stream of events has no body: it never ends.
    /// </returns>
    public async Task<RawAnswer?> SendAsync(byte[] request, bool isLast)
    {
        using var until = new CancellationTokenSource(RelayHost.Patience);
        RawAnswer? answer = null;
        try
        {
            _socket ??= await ConnectAsync(until.Token);
            try
            {
                for (var sent = 0; sent < request.Length;)
                {
                    sent += await _socket.SendAsync(request.AsMemory(sent), until.Token);
                }

                if (isLast)
                {
                    _socket.Shutdown(SocketShutdown.Send);
                }
            }
            catch (SocketException)
            {
                // It may have been answered before it was read whole.
            }

            do
            {
                answer = await ReceiveAsync(hasBody: !request.AsSpan().StartsWith("HEAD "u8), until.Token);
            }
            while (answer is { Status: >= 100 and < 200 and not 101 });

            if (answer is { Status: 101 } && !isLast)
            {
                await _socket.SendAsync(RawFrame.OfClose(1000).ToBytes(), until.Token);
                while (await FillAsync(until.Token))
                {
                }

                answer = answer with { Body = Received.ToArray() };
            }
        }
        catch (Exception exception) when (exception is SocketException or OperationCanceledException)
        {
        }

        if (isLast || answer is null or { Status: 101 } || answer.Head.Contains("Connection: close", StringComparison.OrdinalIgnoreCase) || IsStream(answer.Head) || _received.Length > 0)
        {
            Dispose();
        }

        return answer;
    }

    private static bool IsStream(string head) => head.Contains("text/event-stream", StringComparison.OrdinalIgnoreCase);

    public void Dispose()
    {
        _socket?.Dispose();
        _socket = null;
        _received.SetLength(0);
    }

    private async Task<Socket> ConnectAsync(CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, LingerState = new LingerOption(true, 0) };
        try
        {
            await socket.ConnectAsync(server.Host, server.Port, cancellationToken);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private async Task<RawAnswer?> ReceiveAsync(bool hasBody, CancellationToken cancellationToken)
    {
        int headLength;
        while ((headLength = Received.IndexOf("\r\n\r\n"u8)) < 0)
        {
            if (!await FillAsync(cancellationToken))
            {
                return null;
            }
        }

        var head = Encoding.Latin1.GetString(Received[..headLength]);
        Take(headLength + 4);
        var status = int.Parse(head.AsSpan(9, 3), CultureInfo.InvariantCulture);
        var body = !hasBody || status is < 200 or 204 or 304 || IsStream(head) ? []
            : head.Contains("Transfer-Encoding: chunked", StringComparison.OrdinalIgnoreCase) ? await ReceiveChunksAsync(cancellationToken)
            : await ReceiveBodyAsync(LengthIn(head), cancellationToken);
        return body is null ? null : new RawAnswer(status, head, body);
    }

    private static int LengthIn(string head)
    {
        const string name = "\r\nContent-Length: ";
        var at = head.IndexOf(name, StringComparison.OrdinalIgnoreCase);
        return at < 0 ? 0 : int.Parse(head.AsSpan(at + name.Length).Trim().ToString().Split('\r')[0], CultureInfo.InvariantCulture);
    }

    private async Task<byte[]?> ReceiveBodyAsync(int length, CancellationToken cancellationToken)
    {
        while (_received.Length < length)
        {
            if (!await FillAsync(cancellationToken))
            {
                return null;
            }
        }

        return Take(length);
    }

    private async Task<byte[]?> ReceiveChunksAsync(CancellationToken cancellationToken)
    {
        using var whole = new MemoryStream();
        while (true)
        {
            int end;
            while ((end = Received.IndexOf("\r\n"u8)) < 0)
            {
                if (!await FillAsync(cancellationToken))
                {
                    return null;
                }
            }

            var length = int.Parse(Encoding.ASCII.GetString(Take(end)), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            // The line's end, the chunk, and its own line's end.
            if (await ReceiveBodyAsync(length + 4, cancellationToken) is not { } chunk)
            {
                return null;
            }

            if (length == 0)
            {
                return whole.ToArray();
            }

            whole.Write(chunk, 2, length);
        }
    }

    private Span<byte> Received => _received.GetBuffer().AsSpan(0, (int)_received.Length);

    private byte[] Take(int count)
    {
        var taken = Received[..count].ToArray();
        Received[count..].CopyTo(Received);
        _received.SetLength(_received.Length - count);
        return taken;
    }

    private async Task<bool> FillAsync(CancellationToken cancellationToken)
    {
        var read = await _socket!.ReceiveAsync(_buffer, cancellationToken);
        _received.Position = _received.Length;
        _received.Write(_buffer, 0, read);
        return read > 0;
    }
}
