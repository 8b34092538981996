using System.Net.WebSockets;
using Relay.Protocol;

namespace Relay.Server.Connections;

internal enum FrameKind
{
    Text,
    Binary,
    Close,
    TooLarge,
}

/// <summary>
/// Reads whole messages from a socket. Holds no buffer while the peer is silent: it waits with a read of no bytes, and rents when
/// there is something. One reader at a time.
/// </summary>
internal sealed class FrameReader(WebSocket socket)
{
    private const int FirstBytes = 4 << 10;

    /// <summary>Waits for the next message. Apart from reading it, so that the wait is the socket's own and nothing else's.</summary>
    public ValueTask<ValueWebSocketReceiveResult> WaitAsync(CancellationToken cancellationToken) => socket.ReceiveAsync(Memory<byte>.Empty, cancellationToken);

    /// <summary>
    /// Reads the message that was waited for; the content holds a text's bytes and is the caller's to dispose. A message beyond
    /// <paramref name="maxBytes"/> answers <see cref="FrameKind.TooLarge"/> at once, and again for what is left of it.
    /// </summary>
    public async ValueTask<(FrameKind Kind, PooledBufferWriter? Content)> ReadAsync(
        ValueWebSocketReceiveResult received, int maxBytes, CancellationToken cancellationToken)
    {
        var content = new PooledBufferWriter(FirstBytes);
        try
        {
            while (!received.EndOfMessage && received.MessageType != WebSocketMessageType.Close)
            {
                received = await socket.ReceiveAsync(content.GetMemory(FirstBytes), cancellationToken);
                content.Advance(received.Count);
                if (content.WrittenSpan.Length > maxBytes)
                {
                    content.Dispose();
                    return (FrameKind.TooLarge, null);
                }
            }
        }
        catch
        {
            content.Dispose();
            throw;
        }

        if (received.MessageType == WebSocketMessageType.Text)
        {
            return (FrameKind.Text, content);
        }

        content.Dispose();
        return (received.MessageType == WebSocketMessageType.Close ? FrameKind.Close : FrameKind.Binary, null);
    }
}
