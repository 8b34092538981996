using System.Net;
using System.Net.WebSockets;
using Microsoft.Extensions.Logging;
using Relay.Protocol;

namespace Relay.Client;

/// <summary>
/// One WebSocket from connecting to its end: a read loop and a write loop. RunAsync: once. Stop: any thread, any time; it is the only
/// way out and the first reason wins.
/// </summary>
internal sealed class RelayConnection : IDisposable
{
    /// <summary>How long the close handshake may take.</summary>
    private static readonly TimeSpan CloseTimeout = TimeSpan.FromSeconds(5);

    /// <summary>A connection that lasted this long has held, even if it brought nothing.</summary>
    private static readonly TimeSpan HeldAfter = TimeSpan.FromSeconds(10);

    private static readonly string Version = typeof(RelayConnection).Assembly.GetName().Version?.ToString(3) ?? "0";

    private readonly ClientSettings _settings;
    private readonly DeliveryLedger _ledger;
    private readonly DeliveryInbox _inbox;
    private readonly ClientEvents _events;
    private readonly WorkSignal _work;
    private readonly ILogger _log;
    private readonly ClientWebSocket _socket = new();
    private readonly Lock _lock = new();

    /// <summary>Cancelled when the peer has been silent for too long, which aborts the socket. Its timer is set anew by every sign of life.</summary>
    private readonly CancellationTokenSource _life;

    private readonly TimeSpan _silence;
    private readonly Action<AuthSuccessMessage> _authenticated;
    private ConnectionEnd? _end;
    private DisconnectMessage? _announced;
    private PongMessage? _pong;
    private long? _authenticatedAt;
    private bool _delivered;

    public RelayConnection(
        ClientSettings settings,
        DeliveryLedger ledger,
        DeliveryInbox inbox,
        ClientEvents events,
        WorkSignal work,
        ILogger log,
        Action<AuthSuccessMessage> authenticated)
    {
        _settings = settings;
        _ledger = ledger;
        _inbox = inbox;
        _events = events;
        _work = work;
        _log = log;
        _authenticated = authenticated;
        _silence = settings.Options.HeartbeatInterval * 3;
        _life = new CancellationTokenSource(settings.Options.ConnectTimeout, settings.Time);
        _socket.Options.KeepAliveInterval = TimeSpan.Zero;
        _socket.Options.CollectHttpResponseDetails = true;
    }

    public bool WasAuthenticated => _authenticatedAt is not null;

    /// <summary>It was authenticated, and brought something or lasted: reconnecting at once is no hot loop.</summary>
    public bool Held => _authenticatedAt is { } since && (_delivered || _settings.Time.GetElapsedTime(since) >= HeldAfter);

    /// <summary>Connects and runs both loops to their end. Never throws.</summary>
    public async Task<ConnectionEnd> RunAsync()
    {
        if (await TryOpenAsync().ConfigureAwait(false))
        {
            var writing = WriteAsync();
            await ReadAsync().ConfigureAwait(false);
            await writing.ConfigureAwait(false);
        }

        _socket.Abort();
        return _end!.After(_announced);
    }

    /// <summary>Ends the connection: the writer closes it, after what is ready if this side wanted the end; the rest has a few seconds.</summary>
    public void Stop(ConnectionEnd end)
    {
        lock (_lock)
        {
            if (_end is not null)
            {
                return;
            }

            _end = end;
            _life.CancelAfter(CloseTimeout);
        }

        _work.Set();
        if (!WasAuthenticated && end == ConnectionEnd.ByUs)
        {
            _socket.Abort();
        }
    }

    public void Dispose()
    {
        _socket.Dispose();
        _life.Dispose();
    }

    private async Task<bool> TryOpenAsync()
    {
        try
        {
            await _socket.ConnectAsync(_settings.Endpoint, _life.Token).ConfigureAwait(false);
            await SendAsync(new AuthMessage
            {
                RelayId = _settings.Options.RelayId ?? "",
                ApiKey = _settings.ApiKey.Reveal(),
                Version = Version,
                MaxInFlight = _settings.Options.MaxInFlight,
            }).ConfigureAwait(false);
            return true;
        }
        catch (Exception exception)
        {
            Stop(_socket.HttpStatusCode is 0 or HttpStatusCode.SwitchingProtocols ? Failure(exception) : ConnectionEnd.NoUpgrade((int)_socket.HttpStatusCode, exception));
            return false;
        }
    }

    private async Task ReadAsync()
    {
        using var reader = new FrameReader(_socket, _settings.Options.MaxFrameBytes, SawLife);
        try
        {
            while (true)
            {
                switch (await reader.ReadAsync(_life.Token).ConfigureAwait(false))
                {
                    case FrameKind.Close:
                        Stop(ConnectionEnd.ClosedByServer((int?)_socket.CloseStatus, _socket.CloseStatusDescription));
                        return;
                    case FrameKind.Text when Handle(reader.Frame) is { } waiting:
                        await WaitForRoomAsync(waiting).ConfigureAwait(false);
                        break;
                    case FrameKind.Binary:
                        _events.Raise(new RelayError(RelayErrorKind.MalformedFrame, "A binary frame came; it was ignored."));
                        break;
                    case FrameKind.TooLarge:
                        _events.Raise(new RelayError(
                            RelayErrorKind.FrameTooLarge,
                            $"A frame was larger than {_settings.Options.MaxFrameBytes} bytes and was skipped; the server will deliver it again. Raise MaxFrameBytes."));
                        break;
                }
            }
        }
        catch (Exception exception)
        {
            Stop(Failure(exception));
        }
    }

    /// <summary>Answers a delivery that there is no room for. A closing connection hands over nothing more.</summary>
    private RelayDelivery? Handle(ReadOnlySpan<byte> frame)
    {
        if (Volatile.Read(ref _end) is not null)
        {
            return null;
        }

        switch (Frames.ReadServerMessage(frame, out var error))
        {
            case WebhookMessage webhook when WasAuthenticated:
                _delivered = true;
                return _inbox.Accept(webhook);
            case PingMessage ping:
                Volatile.Write(ref _pong, new PongMessage { Timestamp = ping.Timestamp });
                _work.Set();
                break;
            case ProbeMessage probe when WasAuthenticated:
                // Not a delivery: neither the window nor the consumer is asked.
                _ledger.AnswerProbe(probe.Id);
                break;
            case GapMessage gap when WasAuthenticated:
                _events.Raise(new RelayGap(gap.Reason, gap.Count, WireTime.ToTime(gap.From), WireTime.ToTime(gap.To)));
                break;
            case AuthSuccessMessage success when !WasAuthenticated:
                _authenticatedAt = _settings.Time.GetTimestamp();
                SawLife();
                _authenticated(success);
                _work.Set();
                break;
            case AuthErrorMessage { Error: ErrorCodes.AuthTimeout } late:
                // Not about the key: this side or the server was slow.
                Stop(ConnectionEnd.Lost(late.Message));
                break;
            case AuthErrorMessage refused:
                Stop(ConnectionEnd.Refused(refused.Error, refused.Message));
                break;
            case DisconnectMessage disconnect:
                _announced = disconnect;
                break;
            case ErrorMessage { Error: ErrorCodes.UnknownEvent } unknown:
                _log.SettledTooLate(unknown.Id);
                break;
            case ErrorMessage fault:
                if (fault.Id is not null)
                {
                    _ledger.ReplyRefused(fault.Id);
                }

                _events.Raise(new RelayError(RelayErrorKind.ServerError, $"{fault.Error}: {fault.Message}", fault.Id));
                break;
            case null when error.Error == ErrorCodes.UnknownMessageType:
                _log.FrameIgnored(error.Message);
                break;
            case null:
                _events.Raise(new RelayError(RelayErrorKind.MalformedFrame, error.Message));
                break;
            case var unexpected:
                _log.FrameIgnored($"'{unexpected.Type}' came out of turn.");
                break;
        }

        return null;
    }

    /// <summary>Only a server that exceeds the window gets here. It is not read from meanwhile, so its silence says nothing.</summary>
    private async Task WaitForRoomAsync(RelayDelivery waiting)
    {
        SetTimer(Timeout.InfiniteTimeSpan);
        await _inbox.WaitForRoomAsync(waiting, _life.Token).ConfigureAwait(false);
        SawLife();
    }

    private async Task WriteAsync()
    {
        try
        {
            while (true)
            {
                // Read before the flush: all that was ready when this side stopped is still sent.
                var end = Volatile.Read(ref _end);
                if (end is null || end == ConnectionEnd.ByUs)
                {
                    await FlushAsync().ConfigureAwait(false);
                }

                if (end is not null)
                {
                    await _socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, _life.Token).ConfigureAwait(false);
                    return;
                }

                await _work.WaitAsync(_life.Token).ConfigureAwait(false);
            }
        }
        catch (Exception exception)
        {
            Stop(Failure(exception));
            _socket.Abort();
        }
    }

    /// <summary>Sends what is ready, and what became ready meanwhile.</summary>
    private async Task FlushAsync()
    {
        while (WasAuthenticated)
        {
            var pong = Interlocked.Exchange(ref _pong, null);
            if (pong is not null)
            {
                await SendAsync(pong).ConfigureAwait(false);
            }

            var outgoing = _ledger.TakeUnsent();
            if (outgoing.Messages.Count == 0 && pong is null)
            {
                return;
            }

            try
            {
                foreach (var message in outgoing.Messages)
                {
                    await SendAsync(message).ConfigureAwait(false);
                }
            }
            catch
            {
                _ledger.NotSent(outgoing);
                throw;
            }

            _ledger.Sent();
        }
    }

    private ValueTask SendAsync(AgentMessage message) =>
        _socket.SendAsync(Frames.Write(message).AsMemory(), WebSocketMessageType.Text, endOfMessage: true, _life.Token);

    private void SawLife()
    {
        if (WasAuthenticated)
        {
            SetTimer(_silence);
        }
    }

    private void SetTimer(TimeSpan timeout)
    {
        lock (_lock)
        {
            if (_end is null)
            {
                _life.CancelAfter(timeout);
            }
        }
    }

    private ConnectionEnd Failure(Exception exception) =>
        !_life.IsCancellationRequested ? ConnectionEnd.Lost("The connection failed: " + exception.GetBaseException().Message, exception)
        : WasAuthenticated ? ConnectionEnd.Lost($"Nothing came from the server for {_silence}.", exception)
        : ConnectionEnd.Lost($"The server did not answer within {_settings.Options.ConnectTimeout}.", exception);
}
