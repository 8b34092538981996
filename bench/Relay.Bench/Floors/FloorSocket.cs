using System.Buffers;
using System.Net.WebSockets;
using System.Threading.Channels;

namespace Relay.Bench.Floors;

/// <summary>An agent's socket of a floor: frames are queued and sent one by one, acks are handed on.</summary>
internal sealed class FloorSocket(WebSocket socket, Func<List<string>, Task> onAck)
{
    private readonly Channel<byte[]> _frames = Channel.CreateBounded<byte[]>(new BoundedChannelOptions(4096) { SingleReader = true });

    public ValueTask SendAsync(ReadOnlySpan<byte> id, ReadOnlySpan<byte> body)
    {
        var frame = new ArrayBufferWriter<byte>(body.Length + 96);
        WebhookFrames.Write(frame, id, body);
        return _frames.Writer.WriteAsync(frame.WrittenSpan.ToArray());
    }

    public async Task RunAsync(CancellationToken ends)
    {
        var writing = WriteAsync(ends);
        var buffer = new byte[4 << 10];
        try
        {
            while (true)
            {
                var length = 0;
                ValueWebSocketReceiveResult part;
                do
                {
                    if (length == buffer.Length)
                    {
                        Array.Resize(ref buffer, 2 * length);
                    }

                    part = await socket.ReceiveAsync(buffer.AsMemory(length), ends);
                    length += part.Count;
                }
                while (!part.EndOfMessage);
                if (part.MessageType == WebSocketMessageType.Close)
                {
                    break;
                }

                await onAck(WebhookFrames.ReadAck(buffer.AsSpan(0, length)));
            }
        }
        catch (Exception exception) when (exception is WebSocketException or OperationCanceledException)
        {
        }

        _frames.Writer.TryComplete();
        await writing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task WriteAsync(CancellationToken ends)
    {
        await foreach (var frame in _frames.Reader.ReadAllAsync(ends))
        {
            await socket.SendAsync(frame.AsMemory(), WebSocketMessageType.Text, endOfMessage: true, ends);
        }
    }
}
