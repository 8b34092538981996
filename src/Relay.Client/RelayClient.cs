using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Relay.Client;

/// <summary>
/// Receives an agent's webhooks over a WebSocket that it opens and keeps open. It connects with the first call of
/// <see cref="ReceiveAsync"/> or <c>RunAsync</c> and, once disposed, never again. All members may be used from any thread, by one
/// consumer at a time. Events are raised one after the other by the loop that reads from the socket: subscribers must be quick.
/// </summary>
public sealed class RelayClient : IAsyncDisposable
{
    /// <summary>What handlers get to end in after their token was cancelled.</summary>
    private static readonly TimeSpan HandlerGrace = TimeSpan.FromSeconds(1);

    private readonly ClientSettings _settings;
    private readonly ILogger _log;
    private readonly ClientEvents _events;
    private readonly DeliveryLedger _ledger;
    private readonly SignatureCheck _check;
    private readonly DeliveryInbox _inbox;
    private readonly RelayHttp _http;
    private readonly ConnectionLoop _loop;
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly CancellationTokenSource _abandon = new();
    private ConsumerKind _consumer;
    private Task? _running;
    private Task _handlers = Task.CompletedTask;
    private Task? _stopped;

    /// <summary>Takes a copy of the options; connects to nothing yet.</summary>
    /// <exception cref="ArgumentException">Options are missing or wrong; the message names each one and what to do.</exception>
    public RelayClient(RelayClientOptions options)
    {
        _settings = ClientSettings.From(options);
        _log = _settings.Options.LoggerFactory is { } loggers ? new QuietLogger(loggers.CreateLogger<RelayClient>()) : NullLogger.Instance;
        var work = new WorkSignal();
        _events = new ClientEvents(_log);
        _ledger = new DeliveryLedger(work, _settings.Time);
        _check = new SignatureCheck(_settings, _events);
        _inbox = new DeliveryInbox(_settings, _ledger, _check, ConsumerNow, _log);
        _http = new RelayHttp(_settings, _events);
        _loop = new ConnectionLoop(_settings, _ledger, _inbox, _events, work, _log);
    }

    /// <summary>The server took the key; deliveries follow.</summary>
    public event Action<RelayConnected>? Connected
    {
        add => _events.Connected += value;
        remove => _events.Connected -= value;
    }

    /// <summary>A connection that was authenticated has ended.</summary>
    public event Action<RelayDisconnected>? Disconnected
    {
        add => _events.Disconnected += value;
        remove => _events.Disconnected -= value;
    }

    /// <summary>The client waits and then tries to connect again.</summary>
    public event Action<RelayReconnecting>? Reconnecting
    {
        add => _events.Reconnecting += value;
        remove => _events.Reconnecting -= value;
    }

    /// <summary>Events were given up while the agent was away; they will not be delivered.</summary>
    public event Action<RelayGap>? Gap
    {
        add => _events.Gap += value;
        remove => _events.Gap -= value;
    }

    /// <summary>Something went wrong that the client lives on after.</summary>
    public event Action<RelayError>? Error
    {
        add => _events.Error += value;
        remove => _events.Error -= value;
    }

    /// <summary>Where the client stands.</summary>
    public RelayClientState State => _loop.State;

    /// <summary>
    /// The deliveries, for as long as it is enumerated; each is to be acknowledged or given back. What has not been taken is extended
    /// meanwhile, what was taken is not: if its lease ends, the event comes once more, as a delivery that is settled together with the
    /// first. Leaving the enumeration keeps the connection for acks and for the next enumeration.
    /// </summary>
    /// <remarks>
    /// While nobody enumerates, what the server hands to the connection is not extended, so that its attempts run out and it ends among
    /// the dead letters: go on enumerating, or dispose the client, which closes the connection.
    /// </remarks>
    /// <exception cref="RelayAuthenticationException">The server refused the key.</exception>
    /// <exception cref="RelayReplacedException">A newer connection with the same key took over.</exception>
    /// <exception cref="RelayException">The client has ended for another reason and will not connect again.</exception>
    public async IAsyncEnumerable<RelayDelivery> ReceiveAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Begin(ConsumerKind.Enumeration);
        try
        {
            using var until = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stopping.Token);
            while (await _inbox.TakeAsync(until.Token).ConfigureAwait(false) is { } delivery)
            {
                yield return delivery;
            }

            cancellationToken.ThrowIfCancellationRequested();
            ThrowIfFailed();
        }
        finally
        {
            End();
        }
    }

    /// <summary>
    /// Calls the handler for every delivery: acknowledges when it ends, gives back when it throws (with the exception's type and
    /// message as the reason), extends while it runs. Cancelling stops cleanly and is no error: what runs gets
    /// <see cref="RelayClientOptions.DrainTimeout"/> to finish before its own token is cancelled, and the connection is closed for
    /// good. The server then has the rest back and delivers it again; stopping is not held against an event, however often it happens.
    /// </summary>
    /// <exception cref="RelayAuthenticationException">The server refused the key.</exception>
    /// <exception cref="RelayReplacedException">A newer connection with the same key took over.</exception>
    /// <exception cref="RelayException">The client has ended for another reason and will not connect again.</exception>
    public Task RunAsync(Func<RelayDelivery, CancellationToken, Task> handler, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return RunAsync(HandleAsync, cancellationToken);

        async Task<RelayReply?> HandleAsync(RelayDelivery delivery, CancellationToken abandon)
        {
            await handler(delivery, abandon).ConfigureAwait(false);
            return null;
        }
    }

    /// <summary>
    /// The same with a handler that answers senders that wait, see <see cref="RelayDelivery.ReplyBy"/>: with what it returns, or with
    /// nothing more than the ack for null.
    /// </summary>
    /// <inheritdoc cref="RunAsync(Func{RelayDelivery, CancellationToken, Task}, CancellationToken)"/>
    public async Task RunAsync(Func<RelayDelivery, CancellationToken, Task<RelayReply?>> handler, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(handler);
        Begin(ConsumerKind.Handler);
        try
        {
            using var until = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stopping.Token);
            var runner = new HandlerRunner(_inbox, _events, handler, _abandon.Token);
            var handlers = runner.RunAsync(_settings.Options.Concurrency, until.Token);
            _handlers = handlers;

            // Not for the handlers alone: how long one that does not end is waited for is the drain's to say.
            await Task.WhenAny(handlers, Task.Delay(Timeout.InfiniteTimeSpan, _settings.Time, until.Token)).ConfigureAwait(false);
            await StopAsync().ConfigureAwait(false);
            ThrowIfFailed();
        }
        finally
        {
            End();
        }
    }

    /// <summary>
    /// Takes what is due over HTTP, without a connection, and ends when nothing is: for programs that run from time to time. Acks and
    /// nacks of these deliveries are HTTP calls too. Only what is genuine is handed out. What was not handed
    /// out when it is left is given back, which counts no attempt. Calls that fail are tried again a few times.
    /// </summary>
    /// <param name="limit">How many events are leased at a time, 1 to 1000. They share one ack timeout, so keep it small if the work is slow.</param>
    /// <param name="wait">How long to wait for something to be due, up to 60 s, in whole seconds.</param>
    /// <param name="cancellationToken">Ends the enumeration.</param>
    /// <exception cref="InvalidOperationException"><see cref="RelayClientOptions.RelayId"/> is missing.</exception>
    /// <exception cref="RelayAuthenticationException">The server refused the key.</exception>
    /// <exception cref="RelayConnectionException">The server could not be reached or failed, several times.</exception>
    /// <exception cref="RelayException">The server refused the poll, or is no relay.</exception>
    public IAsyncEnumerable<RelayDelivery> PollAsync(int limit = 10, TimeSpan wait = default, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(limit, 1000);
        ArgumentOutOfRangeException.ThrowIfLessThan(wait, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(wait, TimeSpan.FromSeconds(60));
        ObjectDisposedException.ThrowIf(_stopped is not null, this);
        return _settings.Options.RelayId is { Length: > 0 } relayId
            ? new Poll(_settings, _http, relayId, _check, _events, _log).RunAsync(limit, wait, cancellationToken)
            : throw new InvalidOperationException("Polling needs RelayId: set it to the relay_id that the registration answered. Over HTTP the api key alone does not find the agent.");
    }

    /// <summary>
    /// Drains and closes; never throws. Hands over nothing more, waits up to <see cref="RelayClientOptions.DrainTimeout"/> until handlers
    /// have ended, every delivery that was taken is settled and the server was told (reconnecting for it if it must), and closes the
    /// connection with a handshake. The server then has the rest back and delivers it again.
    /// </summary>
    public async ValueTask DisposeAsync() => await StopAsync().ConfigureAwait(false);

    private void Begin(ConsumerKind consumer)
    {
        lock (_lock)
        {
            ThrowIfFailed();
            ObjectDisposedException.ThrowIf(_stopped is not null, this);
            if (_consumer != ConsumerKind.None)
            {
                throw new InvalidOperationException("Another ReceiveAsync or RunAsync is under way: a client has one consumer at a time. Set Concurrency for several handlers.");
            }

            _consumer = consumer;
            _running ??= Task.Run(RunLoopsAsync);
        }
    }

    private void End()
    {
        lock (_lock)
        {
            _consumer = ConsumerKind.None;
        }
    }

    private ConsumerKind ConsumerNow() => _stopped is null ? _consumer : ConsumerKind.Leaving;

    private async Task RunLoopsAsync()
    {
        using var ended = new CancellationTokenSource();
        var keeping = LeaseKeeper.RunAsync(_settings, _ledger, ConsumerNow, ended.Token);
        await _loop.RunAsync().ConfigureAwait(false);
        await _stopping.CancelAsync().ConfigureAwait(false);
        await ended.CancelAsync().ConfigureAwait(false);
        await keeping.ConfigureAwait(false);
    }

    private Task StopAsync()
    {
        lock (_lock)
        {
            return _stopped ??= Task.Run(StopOnceAsync);
        }
    }

    private async Task StopOnceAsync()
    {
        try
        {
            _loop.Drain();
            if (_consumer != ConsumerKind.Handler)
            {
                // Nobody knows when what is still being worked on was last extended.
                _ledger.ExtendOpen(waiting: false, held: true);
            }

            await _stopping.CancelAsync().ConfigureAwait(false);
            if (_running is not null && !await TryDrainAsync(_settings.Options.DrainTimeout).ConfigureAwait(false))
            {
                _log.NotDrained(_settings.Options.DrainTimeout);
                await _abandon.CancelAsync().ConfigureAwait(false);
                await TryDrainAsync(HandlerGrace).ConfigureAwait(false);
            }
        }
        catch (Exception exception)
        {
            // Only what handlers registered on their token can throw here.
            _log.StopFailed(exception);
        }

        _ledger.LetGoAll();
        _loop.Stop();
        await (_running ?? RunLoopsAsync()).ConfigureAwait(false);
        _http.Dispose();
        _loop.Dispose();
        _stopping.Dispose();
        _abandon.Dispose();
    }

    private async Task<bool> TryDrainAsync(TimeSpan timeout)
    {
        try
        {
            // The handlers too: one may have settled its delivery and still be at work.
            await Task.WhenAll(_ledger.WhenDrainedAsync(), _handlers).WaitAsync(timeout, _settings.Time).ConfigureAwait(false);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    private void ThrowIfFailed()
    {
        if (_loop.Failure is { } failure)
        {
            throw failure;
        }
    }
}
