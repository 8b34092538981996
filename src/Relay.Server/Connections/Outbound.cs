using System.Net.WebSockets;
using Relay.Protocol;
using Relay.Server.Delivery;

namespace Relay.Server.Connections;

/// <summary>
/// What goes out on one socket, frame after frame; frames that are queued together go out together. A writer runs only while there is something to write, so an idle connection has no
/// task here. Send, Push, Flush, Close: any thread, never wait. Control frames go before deliveries; after <see cref="Close"/> deliveries are
/// dropped. Bounded: deliveries by the agent's window, control frames by <see cref="MaxControlFrames"/>.
/// </summary>
internal sealed class Outbound(WebSocket socket, FrameStream stream, IOutboundOwner owner) : IThreadPoolWorkItem
{
    /// <summary>Beyond this an answer is dropped: only a peer that sends nonsense and does not read gets there.</summary>
    private const int MaxControlFrames = 256;

    private readonly Lock _gate = new();
    private readonly Queue<byte[]> _control = new();
    private readonly Queue<LeasedEvent> _deliveries = new();

    /// <summary>Once somebody waits for it.</summary>
    private TaskCompletionSource? _completion;
    private (int Code, string Text)? _close;
    private bool _running;
    private bool _ended;

    /// <summary>Ends when the close frame was sent, or nothing can be sent any more. Never faults.</summary>
    public Task Completion
    {
        get
        {
            lock (_gate)
            {
                _completion ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                return _ended ? Task.CompletedTask : _completion.Task;
            }
        }
    }

    public void Send(ServerMessage message)
    {
        lock (_gate)
        {
            if (_close is null && !_ended && _control.Count < MaxControlFrames)
            {
                _control.Enqueue(Frames.Write(message));
                Run();
            }
        }
    }

    /// <summary>Queues a delivery until the next <see cref="Flush"/>.</summary>
    public void Push(LeasedEvent leased)
    {
        lock (_gate)
        {
            if (_close is null && !_ended)
            {
                _deliveries.Enqueue(leased);
            }
        }
    }

    /// <param name="here">Write one on this thread, not on another one of the pool, which takes longer to begin; what follows is not the caller's to wait for.</param>
    public void Flush(bool here)
    {
        lock (_gate)
        {
            if (_deliveries.Count == 0 || _running)
            {
                return;
            }

            if (!here)
            {
                Run();
                return;
            }

            _running = true;
        }

        _ = WriteAsync(one: true);
    }

    /// <summary>Sends the control frames that are queued, then the close frame. The first close counts.</summary>
    public void Close(int code, string text)
    {
        lock (_gate)
        {
            _deliveries.Clear();
            _close ??= (code, text);
            if (!_ended)
            {
                Run();
            }
        }
    }

    void IThreadPoolWorkItem.Execute() => _ = WriteAsync(one: false);

    /// <summary>Under the lock.</summary>
    private void Run()
    {
        if (!_running)
        {
            _running = true;
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: true);
        }
    }

    /// <summary>Observes every fault itself.</summary>
    private async Task WriteAsync(bool one)
    {
        try
        {
            while (Take() is var (control, leased))
            {
                if (control is not null)
                {
                    await SendAsync(control);
                }
                else if (leased is not null)
                {
                    await SendAsync(leased);
                }
                else
                {
                    await CloseAsync();
                    return;
                }

                if (one)
                {
                    GoOnElsewhere();
                    return;
                }
            }
        }
        catch (Exception exception)
        {
            await stream.UncorkAsync().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            End();
            owner.SendFailed(exception);
        }
    }

    /// <summary>With what was queued meanwhile, if anything was.</summary>
    private void GoOnElsewhere()
    {
        lock (_gate)
        {
            _running = false;
            if (_control.Count + _deliveries.Count > 0 || (_close is not null && !_ended))
            {
                Run();
            }
        }
    }

    private async Task SendAsync(LeasedEvent leased)
    {
        using var frame = owner.Write(leased);
        await SendAsync(frame.WrittenMemory);
        owner.Sent(leased);
    }

    private ValueTask SendAsync(ReadOnlyMemory<byte> frame) =>
        socket.SendAsync(frame, WebSocketMessageType.Text, WebSocketMessageFlags.EndOfMessage, CancellationToken.None);

    private async Task CloseAsync()
    {
        var (code, text) = _close!.Value;
        if (socket.State is WebSocketState.Open or WebSocketState.CloseReceived)
        {
            await socket.CloseOutputAsync((WebSocketCloseStatus)code, text, CancellationToken.None);
        }

        await stream.UncorkAsync();
        End();
    }

    private void End()
    {
        lock (_gate)
        {
            _ended = true;
            _control.Clear();
            _deliveries.Clear();
            _completion?.TrySetResult();
        }
    }

    /// <returns>The next thing to send; neither: the close frame; null: nothing for now.</returns>
    private (byte[]? Control, LeasedEvent? Leased)? Take()
    {
        lock (_gate)
        {
            LeasedEvent? leased = null;
            var isFrame = _control.TryDequeue(out var control) || _deliveries.TryDequeue(out leased);
            stream.IsCorked = _control.Count + _deliveries.Count > 0;
            if (isFrame)
            {
                return (control, leased);
            }

            if (_close is not null && !_ended)
            {
                return (null, null);
            }

            _running = false;
            return null;
        }
    }
}

/// <summary>The connection that an <see cref="Outbound"/> writes for. Called without the outbound's lock.</summary>
internal interface IOutboundOwner
{
    /// <summary>Signs and writes a delivery's frame; the caller disposes it.</summary>
    PooledBufferWriter Write(LeasedEvent leased);

    void Sent(LeasedEvent leased);

    void SendFailed(Exception exception);
}
