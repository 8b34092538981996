using System.Net.WebSockets;

namespace Relay.Server.Connections;

/// <content>What is done when it has been stopped.</content>
internal sealed partial class AgentConnection
{
    /// <summary>The connection is none of its agent's any more. Never faults.</summary>
    private Task WithdrawAsync()
    {
        var seat = _agentSeat?.DisposeAsync() ?? ValueTask.CompletedTask;
        return Task.WhenAll(seat.AsTask(), _services.Registry.WithdrawAsync(this, _agent?.Id));
    }

    /// <summary>Stops, and reads until the peer has closed too or is aborted.</summary>
    private async Task StopAndDiscardAsync(StopReason reason)
    {
        Stop(reason);
        try
        {
            while (await ReadAsync(await _socket.WaitForMessageAsync(Aborted)))
            {
            }
        }
        catch (Exception exception) when (exception is WebSocketException or IOException or OperationCanceledException)
        {
        }
    }

    private async Task EndAsync()
    {
        try
        {
            await LeaveAsync();
        }
        finally
        {
            if (!_isFaulted)
            {
                _socket.Dispose();
            }

            await (_seat?.DisposeAsync() ?? ValueTask.CompletedTask);
        }
    }

    /// <summary>Waits until nothing more is done for the connection.</summary>
    private async Task LeaveAsync()
    {
        // Again: it may have been stopped while it was claimed, before it was there to be withdrawn.
        var withdrawal = WithdrawAsync();
        if (_socket.State is WebSocketState.Aborted && !_isFaulted)
        {
            // Nothing can be sent; what waits for the socket is let go.
            _socket.Dispose();
        }

        await _outbound.Completion;
        _services.Registry.Remove(this);
        _services.Wheel.Remove(this);
        await Task.WhenAll(_withdrawal, withdrawal);
        if (_subscription is not null)
        {
            await _subscription.DisposeAsync();
        }

        if (_watch is not null)
        {
            await _watch.EndAsync();
        }

        if (_gaps is not null)
        {
            await _gaps.EndAsync();
        }

        if (_pump is not null)
        {
            await _pump.EndAsync();
        }

        if (_agent?.HttpEndpoint is not null)
        {
            await _services.HttpDeliveries.TryWatchAsync(_agent.Id);
        }
    }
}
