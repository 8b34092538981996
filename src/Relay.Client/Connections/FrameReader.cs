using System.Net.WebSockets;
using Relay.Protocol;

namespace Relay.Client;

/// <summary>What came over the socket.</summary>
internal enum FrameKind
{
    Text,
    Binary,
    TooLarge,
    Close,
}

/// <summary>Puts the fragments of a frame together, up to a limit, in one pooled buffer. One read loop's.</summary>
/// <param name="socket">Not owned.</param>
/// <param name="maxFrameBytes">What is larger is read to its end and dropped.</param>
/// <param name="progressed">Called for every fragment: a large frame on a slow line is a sign of life too.</param>
internal sealed class FrameReader(WebSocket socket, int maxFrameBytes, Action progressed) : IDisposable
{
    private const int UsualBytes = 16 * 1024;
    private const int KeptBytes = 256 * 1024;
    private PooledBufferWriter _buffer = new(UsualBytes);

    /// <summary>The text frame that was read last, valid until the next read.</summary>
    public ReadOnlySpan<byte> Frame => _buffer.WrittenSpan;

    public async ValueTask<FrameKind> ReadAsync(CancellationToken cancellationToken)
    {
        Forget();
        var tooLarge = false;
        while (true)
        {
            var result = await socket.ReceiveAsync(_buffer.GetMemory(), cancellationToken).ConfigureAwait(false);
            progressed();
            if (result.MessageType == WebSocketMessageType.Close)
            {
                return FrameKind.Close;
            }

            tooLarge |= _buffer.WrittenMemory.Length + (long)result.Count > maxFrameBytes;
            if (tooLarge)
            {
                _buffer.Clear();
            }
            else
            {
                _buffer.Advance(result.Count);
            }

            if (result.EndOfMessage)
            {
                return tooLarge ? FrameKind.TooLarge
                    : result.MessageType == WebSocketMessageType.Text ? FrameKind.Text
                    : FrameKind.Binary;
            }
        }
    }

    public void Dispose() => _buffer.Dispose();

    /// <summary>A rare large frame must not make the connection hold a large buffer for ever.</summary>
    private void Forget()
    {
        if (_buffer.WrittenMemory.Length > KeptBytes)
        {
            _buffer.Dispose();
            _buffer = new PooledBufferWriter(UsualBytes);
        }

        _buffer.Clear();
    }
}
