using Microsoft.Extensions.Logging;
using Relay.Protocol;

namespace Relay.Client;

/// <summary>Keeps one connection up, until it is stopped or the server says for good. RunAsync: once. Stop: any thread.</summary>
internal sealed class ConnectionLoop(
    ClientSettings settings,
    DeliveryLedger ledger,
    DeliveryInbox inbox,
    ClientEvents events,
    WorkSignal work,
    ILogger log) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _stop = new();
    private RelayConnection? _current;

    public RelayClientState State { get; private set; }

    /// <summary>Why there will be no further connection, unless this side stopped.</summary>
    public RelayException? Failure { get; private set; }

    /// <summary>Never throws: what fails against all expectation is told to who waits for deliveries.</summary>
    public async Task RunAsync()
    {
        try
        {
            await KeepConnectedAsync().ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            Failure = new RelayException("The relay client failed and has ended: " + exception.GetBaseException().Message, exception);
            Forget();
        }

        Move(RelayClientState.Closed);
        ledger.Close();
        inbox.Complete();
    }

    /// <summary>From now on only what runs is finished.</summary>
    public void Drain() => Move(RelayClientState.Draining);

    /// <summary>Sends what is ready and closes.</summary>
    public void Stop()
    {
        // First this, then that: a connection that is made meanwhile sees it.
        _stop.Cancel();
        RelayConnection? current;
        lock (_lock)
        {
            current = _current;
        }

        current?.Stop(ConnectionEnd.ByUs);
    }

    public void Dispose() => _stop.Dispose();

    private async Task KeepConnectedAsync()
    {
        if (!_stop.IsCancellationRequested)
        {
            settings.WarnIfReadable(log);
        }

        var backoff = new Backoff(settings.Options);
        while (!_stop.IsCancellationRequested)
        {
            Move(RelayClientState.Connecting);
            using var connection = NewConnection();
            var end = await connection.RunAsync().ConfigureAwait(false);
            Forget();
            if (end.CloseCode == CloseCodes.FrameTooLarge)
            {
                ledger.ForgetReplies();
            }

            if (!await TryGoOnAsync(connection, end, backoff).ConfigureAwait(false))
            {
                break;
            }
        }
    }

    private RelayConnection NewConnection()
    {
        var connection = new RelayConnection(settings, ledger, inbox, events, work, log, success =>
        {
            Move(RelayClientState.Connected);
            ledger.Connected();
            log.Connected(success.RelayId, success.SessionId, success.Pending, success.WebhookUrl);
            events.Raise(new RelayConnected(success.WebhookUrl, success.RelayId, success.SessionId, success.Pending));
        });
        lock (_lock)
        {
            _current = connection;
        }

        if (_stop.IsCancellationRequested)
        {
            connection.Stop(ConnectionEnd.ByUs);
        }

        return connection;
    }

    private void Forget()
    {
        lock (_lock)
        {
            _current = null;
        }

        inbox.LetGoUntaken();
        ledger.Disconnected();
    }

    private async Task<bool> TryGoOnAsync(RelayConnection connection, ConnectionEnd end, Backoff backoff)
    {
        var delay = backoff.Next(connection.Held, end.ReconnectAfter);
        var stopped = _stop.IsCancellationRequested;
        if (!stopped)
        {
            Failure = end.Final ?? (backoff.Attempt > settings.Options.MaxReconnectAttempts
                ? new RelayConnectionException($"{backoff.Attempt - 1} attempts to reconnect", end.Reason, end.Cause)
                : null);
        }

        var willReconnect = !stopped && Failure is null;
        if (connection.WasAuthenticated)
        {
            log.Disconnected(end.Reason, end.CloseCode);
            events.Raise(new RelayDisconnected(end.Reason, end.CloseCode, willReconnect));
        }
        else if (willReconnect)
        {
            events.Raise(new RelayError(RelayErrorKind.ConnectFailed, end.Reason, Exception: end.Cause));
        }

        return willReconnect && await TryWaitAsync(backoff.Attempt, delay).ConfigureAwait(false);
    }

    private async Task<bool> TryWaitAsync(int attempt, TimeSpan delay)
    {
        Move(RelayClientState.Waiting);

        // The wait begins before it is told, so that whoever is told may move the clock.
        var wait = Task.Delay(delay, settings.Time, _stop.Token);
        log.Reconnecting(attempt, delay);
        events.Raise(new RelayReconnecting(attempt, delay));
        await wait.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return !_stop.IsCancellationRequested;
    }

    /// <summary>Draining is left only for Closed, and Closed never.</summary>
    private void Move(RelayClientState to)
    {
        lock (_lock)
        {
            if (State != RelayClientState.Closed && (State != RelayClientState.Draining || to == RelayClientState.Closed))
            {
                State = to;
            }
        }
    }
}
