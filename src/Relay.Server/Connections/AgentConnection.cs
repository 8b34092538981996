using System.Buffers;
using System.Net.WebSockets;
using Relay.Protocol;
using Relay.Server.Activities;
using Relay.Server.Agents;
using Relay.Server.Delivery;
using Relay.Server.Limits;
using Relay.Server.Storage;

namespace Relay.Server.Connections;

/// <summary>
/// One WebSocket of an agent. <see cref="RunAsync"/> reads, once, until the end; <see cref="Outbound"/> writes; the
/// <see cref="DeliveryPump"/> says what. <see cref="Tick"/>, <see cref="Drain"/>, <see cref="Stop"/>: any thread.
/// <see cref="Stop"/> is the only way out, the first reason counts.
/// </summary>
internal sealed partial class AgentConnection : TimingWheel.Item, IOutboundOwner, IDeliverySink, IAgentWatcher
{
    /// <summary>Who has not authenticated is not worth more memory.</summary>
    private const int MaxFrameBytesBeforeAuth = 16 << 10;

    private const int MaxFaultsBeforeAuth = 10;
    private const int MaxUnansweredPings = 3;
    private const int MaxShownIdLength = 64;

    private readonly Lock _gate = new();
    private readonly WebSocket _socket;
    private readonly HttpRequest _request;
    private readonly ConnectionServices _services;
    private readonly Outbound _outbound;

    private SessionId _session = SessionId.New();
    private State _state = State.Authenticating;
    private DateTimeOffset _deadline;
    private StopReason? _drainsFor;
    private DateTimeOffset _nextPing;
    private int _unansweredPings;
    private int _faultsBeforeAuth;
    private ConnectionSeats.Seat? _seat;
    private ConnectionSeats.Seat? _agentSeat;

    /// <summary>Until it is open. What it is later nobody else keeps: there are many of these, for long.</summary>
    private Agent? _presented;
    private Agent? _agent;
    private DeliveryPump? _pump;
    private AgentWatch? _watch;
    private GapNotice? _gaps;
    private IAsyncDisposable? _subscription;
    private Task _withdrawal = Task.CompletedTask;

    /// <summary>
    /// Whether the peer broke RFC 6455: the framework has sent the close frame that says so, 1002 or 1007, and disposing of the socket would
    /// reset the connection and lose it.
    /// </summary>
    private bool _isFaulted;

    /// <param name="socket">The connection's.</param>
    /// <param name="stream">What is under it.</param>
    /// <param name="request">The upgrade.</param>
    /// <param name="agent">Whose key the upgrade request carried; null: the first frame must.</param>
    /// <param name="services">What every connection needs.</param>
    public AgentConnection(WebSocket socket, FrameStream stream, HttpRequest request, Agent? agent, ConnectionServices services)
    {
        (_socket, _request, _presented, _services) = (socket, request, agent, services);
        _outbound = new Outbound(socket, stream, this);
        _deadline = services.Time.GetUtcNow() + services.Options.Value.AuthTimeout;
    }

    private enum State
    {
        /// <summary>Waits for the auth frame, until the deadline.</summary>
        Authenticating,

        /// <summary>The key was taken; the agent is being claimed.</summary>
        Opening,

        Open,

        /// <summary>It is to end soon: acks are awaited, until the deadline.</summary>
        Draining,

        /// <summary>Stopped: the last frames go out and the peer's close is awaited, until the deadline.</summary>
        Closing,
    }

    /// <summary>Its beginning says, once the agent is known, whether it is exclusive.</summary>
    public SessionId Session => _session;

    /// <summary>Whose connection it is, as last heard; null before it has authenticated.</summary>
    public Agent? Agent => _agent;

    /// <summary>The later a connection presented its key the higher: of an exclusive agent's the highest is the newest.</summary>
    public long KeyPresented { get; private set; }

    /// <summary>The agent's deliveries here; for authenticated connections only.</summary>
    public DeliveryPump Pump => _pump!;

    private DateTimeOffset Now => _services.Time.GetUtcNow();

    /// <summary>The transport's end.</summary>
    private CancellationToken Aborted => _request.HttpContext.RequestAborted;

    /// <summary>Serves the connection until its end.</summary>
    public async Task RunAsync()
    {
        _services.Registry.Add(this);
        _services.Wheel.Schedule(this, _deadline);
        try
        {
            if (_services.Lifetime.ApplicationStopping.IsCancellationRequested)
            {
                // The drain may have looked before this connection was there.
                Stop(StopReason.Shutdown);
            }

            _seat = await _services.Seats.TakeAsync(ClientAddress.Of(_request.HttpContext.Connection.RemoteIpAddress), isAuthenticated: _presented is not null);
            if (_seat is null)
            {
                Stop(StopReason.TooManyOfAddress);
            }

            if (_presented is not null && TryBeginOpening())
            {
                await OpenAsync(_presented, maxInFlight: null);
                _presented = null;
            }

            // Awaited here, in the one method that lives as long as the connection, so that an idle one holds no other's state.
            while (await ReadAsync(await _socket.WaitForMessageAsync(Aborted)))
            {
            }
        }
        catch (WebSocketException exception) when (exception.WebSocketErrorCode == WebSocketError.Faulted)
        {
            _isFaulted = true;
            Stop(StopReason.BrokenFrame);
        }
        catch (Exception exception) when (exception is WebSocketException or IOException or OperationCanceledException)
        {
            Stop(StopReason.Lost);
        }
        catch (StoreUnavailableException exception)
        {
            StoreUnavailable(_services.Logger, _session, exception.Message);
            await StopAndDiscardAsync(StopReason.StoreUnavailable);
        }
        catch (Exception exception)
        {
            Failed(_services.Logger, exception, _session);
            await StopAndDiscardAsync(StopReason.Failed);
        }
        finally
        {
            Stop(StopReason.Lost);
            await EndAsync();
        }
    }

    public override DateTimeOffset Tick(DateTimeOffset now)
    {
        var ping = false;
        StopReason? stop = null;
        DateTimeOffset due;
        var pingInterval = _services.Options.Value.PingInterval;
        lock (_gate)
        {
            if (_nextPing - now > pingInterval)
            {
                _nextPing = now + pingInterval; // The clock went back.
            }

            switch (_state)
            {
                case State.Authenticating when now >= _deadline:
                    stop = StopReason.AuthTimeout;
                    break;
                case State.Open or State.Draining when now >= _agent!.OpenUntil:
                    stop = StopReason.Deactivated;
                    break;
                case State.Open or State.Draining when now >= _nextPing:
                    _nextPing = now + pingInterval;
                    ping = ++_unansweredPings <= MaxUnansweredPings;
                    LookIfSignalsAreLost();
                    _services.KeyUsage.Note(_agent!);
                    stop = ping ? null : StopReason.HeartbeatMissed;
                    break;
                case State.Closing when now >= _deadline:
                    _deadline = DateTimeOffset.MaxValue;
                    _socket.Abort();
                    break;
                default:
                    break;
            }

            if (_state == State.Draining && (now >= _deadline || _pump!.IsIdle))
            {
                stop ??= _drainsFor;
            }

            due = NextDue(now);
        }

        if (ping)
        {
            _outbound.Send(new PingMessage { Timestamp = now.ToUnixTimeMilliseconds() });
        }

        if (stop is not null)
        {
            Stop(stop);
        }

        return _pump?.Tick(now) is { } pumpDue && pumpDue < due ? pumpDue : due;
    }

    public override string ToString() => _session.Value;

    /// <summary>Hands out nothing more, tells the agent when to connect again, takes acks until all came or the time is over.</summary>
    /// <param name="reason">Why; has a <see cref="StopReason.DrainNotice"/>.</param>
    /// <param name="reconnectAfter">When the agent is to connect again.</param>
    public void Drain(StopReason reason, TimeSpan reconnectAfter)
    {
        lock (_gate)
        {
            if (_state == State.Draining)
            {
                return;
            }

            if (_state == State.Open)
            {
                (_state, _drainsFor) = (State.Draining, reason);
                _deadline = Now + _services.Options.Value.DrainTimeout;
                _services.Wheel.Schedule(this, NextDue(Now));
                _pump!.Drain();
                _outbound.Send(reason.DrainNotice!(reconnectAfter, Now));
                return;
            }
        }

        Stop(reason);
    }

    public void Stop(StopReason reason)
    {
        lock (_gate)
        {
            if (_state == State.Closing)
            {
                return;
            }

            _state = State.Closing;
            _deadline = Now + _services.Options.Value.CloseTimeout;
            _services.Wheel.Schedule(this, _deadline);
        }

        if (_agent is { } agent)
        {
            Stopped(_services.Logger, _session, agent.Id, reason.Name);
        }
        else
        {
            StrangerStopped(_services.Logger, _session, reason.Name);
        }
        Tell(ActivityType.Disconnected, reason);
        _withdrawal = WithdrawAsync();
        _pump?.Stop(reason.End);
        if (reason.LastMessage is { } message)
        {
            _outbound.Send(message(Now));
        }

        _outbound.Close(reason.CloseCode, reason.Text);
    }

    PooledBufferWriter IOutboundOwner.Write(LeasedEvent leased)
    {
        var frame = new PooledBufferWriter(leased.Body.Length + leased.Head.Length + 512);
        if (Probe.Is(leased))
        {
            frame.Write(Frames.Write(Probe.Message(leased.Id)));
        }
        else
        {
            var now = Now;
            WebhookFrame.Write(frame, leased.ToParts(now, canReply: true), _agent!.SigningKeys(now));
        }

        return frame;
    }

    void IOutboundOwner.Sent(LeasedEvent leased) => _pump!.Sent(leased);

    void IOutboundOwner.SendFailed(Exception exception)
    {
        SendFailed(_services.Logger, _session, exception.Message);
        Stop(StopReason.Lost);
        if (_socket.State is WebSocketState.Open or WebSocketState.CloseReceived)
        {
            // Else the framework has closed it over a broken frame, which is still on its way, or it is over already.
            _socket.Abort();
        }
    }

    void IDeliverySink.Push(LeasedEvent leased) => _outbound.Push(leased);

    void IDeliverySink.Flush(bool here) => _outbound.Flush(here);

    void IDeliverySink.UnknownEvent(string id) =>
        SendError(ErrorCodes.UnknownEvent, "No event of this agent with this id is in flight or kept.", id.Length <= MaxShownIdLength ? id : id[..MaxShownIdLength]);

    void IDeliverySink.DueAt(DateTimeOffset due) => _services.Wheel.Schedule(this, due);

    void IDeliverySink.Superseded() => Stop(StopReason.Replaced);

    /// <returns>False: the peer has closed.</returns>
    private async ValueTask<bool> ReadAsync(ValueWebSocketReceiveResult first)
    {
        var limit = _agent is null ? MaxFrameBytesBeforeAuth : _services.Options.Value.MaxFrameBytes;
        var (kind, content) = await _socket.ReadMessageAsync(first, limit, Aborted);
        using (content)
        {
            _unansweredPings = 0;
            switch (kind)
            {
                case FrameKind.Close:
                    Stop(StopReason.PeerClosed);
                    return false;
                case FrameKind.TooLarge:
                    // Read on and discard: closing the transport on unread data would take the close frame with it.
                    Stop(StopReason.FrameTooLarge);
                    return true;
                case FrameKind.Binary:
                    Refuse(new FrameError(ErrorCodes.InvalidMessage, "Frames are text. Send JSON as a text frame."));
                    return true;
                default:
                    await HandleAsync(content!);
                    return true;
            }
        }
    }

    /// <summary>From here on the time to authenticate does not run any more: it is the store that is waited for.</summary>
    private bool TryBeginOpening()
    {
        lock (_gate)
        {
            if (_state != State.Authenticating)
            {
                return false;
            }

            _state = State.Opening;
            KeyPresented = _services.Registry.NextKeyPresented();
            return true;
        }
    }

    /// <summary>Under the lock.</summary>
    private DateTimeOffset NextDue(DateTimeOffset now) => _state switch
    {
        State.Authenticating or State.Closing => _deadline,
        State.Open => _agent!.OpenUntil is { } end && end < _nextPing ? end : _nextPing,
        State.Draining => now, // It is looked whether the pump is idle.
        _ => DateTimeOffset.MaxValue,
    };

    private void Tell(ActivityType type, StopReason? reason)
    {
        if (_agent is { } agent)
        {
            _services.Activities.Publish(new AgentActivity(agent.Id, type, Now) { Session = _session, Reason = reason?.Name, CloseCode = reason?.CloseCode });
        }
    }
}
