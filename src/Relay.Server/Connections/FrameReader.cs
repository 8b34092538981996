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
/// Reads whole messages from a socket. Holds nothing while the peer is silent: the wait is a read of no bytes, and a buffer is rented when
/// there is something. One reader at a time.
/// </summary>
internal static class FrameReader
{
    private const int FirstBytes = 4 << 10;

    /// <summary>Waits for the next message.</summary>
    public static ValueTask<ValueWebSocketReceiveResult> WaitForMessageAsync(this WebSocket socket, CancellationToken cancellationToken) =>
        socket.ReceiveAsync(Memory<byte>.Empty, cancellationToken);

    /// <summary>
    /// Reads the message that was waited for; the content holds a text's bytes and is the caller's to dispose. A message beyond
    /// <paramref name="maxBytes"/> answers <see cref="FrameKind.TooLarge"/> at once, and again for what is left of it.
    /// </summary>
    public static async ValueTask<(FrameKind Kind, PooledBufferWriter? Content)> ReadMessageAsync(
        this WebSocket socket, ValueWebSocketReceiveResult received, int maxBytes, CancellationToken cancellationToken)
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
