using System.Net.WebSockets;
using System.Threading.Tasks.Sources;

namespace Relay.Server.Tests.Allocations;

/// <summary>Takes every frame at once, but waits with the first one after it was closed. Who opens it goes on as its sender.</summary>
internal sealed class GatedSocket : WebSocket, IValueTaskSource
{
    private volatile bool _isClosed;
    private volatile Action? _goOn;

    /// <summary>Whether a sender waits.</summary>
    public bool IsWaitedFor => _goOn is not null;

    public override WebSocketCloseStatus? CloseStatus => null;

    public override string? CloseStatusDescription => null;

    public override WebSocketState State => WebSocketState.Open;

    public override string? SubProtocol => null;

    public void Close() => _isClosed = true;

    public void Open()
    {
        var goOn = _goOn!;
        (_isClosed, _goOn) = (false, null);
        goOn();
    }

    public override ValueTask SendAsync(ReadOnlyMemory<byte> buffer, WebSocketMessageType messageType, bool endOfMessage, CancellationToken cancellationToken) =>
        _isClosed ? new ValueTask(this, token: 0) : ValueTask.CompletedTask;

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _isClosed ? ValueTaskSourceStatus.Pending : ValueTaskSourceStatus.Succeeded;

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _goOn = () => continuation(state);

    void IValueTaskSource.GetResult(short token)
    {
    }

    public override Task SendAsync(ArraySegment<byte> buffer, WebSocketMessageType messageType, bool endOfMessage, CancellationToken cancellationToken) =>
        throw new NotSupportedException();

    public override Task<WebSocketReceiveResult> ReceiveAsync(ArraySegment<byte> buffer, CancellationToken cancellationToken) => throw new NotSupportedException();

    public override Task CloseAsync(WebSocketCloseStatus closeStatus, string? statusDescription, CancellationToken cancellationToken) => throw new NotSupportedException();

    public override Task CloseOutputAsync(WebSocketCloseStatus closeStatus, string? statusDescription, CancellationToken cancellationToken) => throw new NotSupportedException();

    public override void Abort()
    {
    }

    public override void Dispose()
    {
    }
}
