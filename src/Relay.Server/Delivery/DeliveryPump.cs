using Relay.Protocol;
using Relay.Server.Storage;

namespace Relay.Server.Delivery;

/// <summary>How a connection ended, as far as its deliveries are concerned.</summary>
internal enum PumpEnd
{
    /// <summary>The connection was lost or closed by the agent: what was in flight is tried again.</summary>
    Lost,

    /// <summary>This server ended it, shutting down or because the agent was deactivated: what was in flight is due at once, nothing is counted.</summary>
    Shutdown,

    /// <summary>Another session claimed the agent, and with it what was in flight.</summary>
    Replaced,
}

/// <summary>
/// Moves one agent's events from the queue to one connection, and what the agent says of them back: the window, the order, the
/// leases. No timer, no task while idle: <see cref="Tick"/> is called a few times a second.
/// <para>
/// Any thread. State is guarded by one lock that is never held over an await. Whatever may hand out events takes a
/// <see cref="Ticket"/> at the moment it asks the queue, and pushes when the tickets before it have pushed: so the order of the
/// queue is the order on the socket, although answers are awaited side by side.
/// </para>
/// </summary>
internal sealed partial class DeliveryPump
{
    private const int MaxFetch = 256;
    private const long MaxFetchBytes = 4 << 20;

    /// <summary>Events this big altogether, pushed and not yet taken by the socket, hold back further ones: a slow agent costs itself.</summary>
    private const long MaxUnsentBytes = 4 << 20;

    /// <summary>Lost wake-ups cost at most this.</summary>
    private static readonly TimeSpan SweepInterval = TimeSpan.FromSeconds(5);

    /// <summary>The store's lease outlives ours a little: while this node lives, it says itself that an ack timed out.</summary>
    private static readonly TimeSpan LeaseMargin = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan StoreRetryInterval = TimeSpan.FromMilliseconds(500);

    private readonly Lock _gate = new();
    private readonly RelayId _agent;
    private readonly SessionId _session;
    private readonly IDeliverySink _sink;
    private readonly IDeliveryQueue _queue;
    private readonly RetrySchedule _schedule;
    private readonly int? _asked;
    private readonly TimeProvider _time;
    private readonly SenderWaits _waits;
    private readonly ILogger _logger;
    private readonly Queue<Ticket> _tickets = new();
    private readonly Dictionary<EventId, InFlight> _inFlight = [];
    private readonly SettlementQueue _settlements;

    private State _state = State.Closed;
    private PumpEnd _end;
    private DeliveryPolicy _policy;
    private int _free;
    private long _unsentBytes;
    private bool _fetching;
    private bool _fetchFailed;
    private bool _mayHaveMore;

    /// <summary>Another session may hold the claim: the queue is asked even without room for an event.</summary>
    private bool _claimInDoubt;
    private DateTimeOffset _nextFetch = DateTimeOffset.MaxValue;
    private DateTimeOffset _nextSweep;
    private DateTimeOffset _firstDeadline = DateTimeOffset.MaxValue;
    private Task _fetch = Task.CompletedTask;

    /// <param name="agent">Whose events.</param>
    /// <param name="policy">How, until <see cref="Apply"/>.</param>
    /// <param name="session">The connection's name.</param>
    /// <param name="asked">The window that the connection asked for, if it did.</param>
    /// <param name="sink">The connection.</param>
    /// <param name="services">What every pump needs.</param>
    public DeliveryPump(RelayId agent, DeliveryPolicy policy, SessionId session, int? asked, IDeliverySink sink, DeliveryPumpServices services)
    {
        (_agent, _policy, _session, _asked, _sink, _free) = (agent, policy, session, asked, sink, policy.Window(asked));
        (_queue, _schedule, _waits, _time, _logger) = (services.Queue, services.Schedule, services.Waits, services.Time, services.Logger);
        _settlements = new SettlementQueue(agent, services, sink.UnknownEvent, RetryStored);
    }

    private enum State
    {
        /// <summary>Nothing is handed out: not opened yet, or stopped.</summary>
        Closed,

        /// <summary>Events are handed out.</summary>
        Open,

        /// <summary>Nothing new is handed out; acks are taken.</summary>
        Draining,

        Stopped,
    }

    /// <summary>Events that were pushed and not yet acknowledged, given back or timed out.</summary>
    public int InFlightCount
    {
        get
        {
            lock (_gate)
            {
                return _inFlight.Count;
            }
        }
    }

    /// <summary>Whether nothing is in flight or on its way.</summary>
    public bool IsIdle
    {
        get
        {
            lock (_gate)
            {
                return _inFlight.Count == 0 && _tickets.Count == 0;
            }
        }
    }

    /// <summary>Begins to hand out, with what waits.</summary>
    public void Open()
    {
        lock (_gate)
        {
            if (_state == State.Closed)
            {
                _state = State.Open;
                _nextSweep = _queue.LosesSignals ? _time.GetUtcNow() + SweepInterval : DateTimeOffset.MaxValue;
                _mayHaveMore = true;
                Fetch();
            }
        }
    }

    /// <summary>Goes on with other settings: what is in flight keeps its deadline, the rest is done as they say.</summary>
    public void Apply(DeliveryPolicy policy)
    {
        lock (_gate)
        {
            // A smaller window may leave less than no room, until enough was acknowledged.
            _free += policy.Window(_asked) - _policy.Window(_asked);
            _policy = policy;
            Fetch();
        }
    }

    /// <summary>Hands out nothing more; acks still count.</summary>
    public void Drain()
    {
        lock (_gate)
        {
            if (_state is State.Open or State.Closed)
            {
                _state = State.Draining;
            }
        }
    }

    /// <summary>Something may be due.</summary>
    public void Wake()
    {
        lock (_gate)
        {
            _mayHaveMore = true;
            Fetch();
        }
    }

    /// <summary>Another session seems to have claimed the agent. Only the queue's word counts: signals may be old.</summary>
    public void DoubtClaim()
    {
        lock (_gate)
        {
            (_mayHaveMore, _claimInDoubt) = (true, true);
            Fetch();
        }
    }

    /// <summary>
    /// Stores an event for the agent of this pump: already leased, and pushed when the write has returned, if there is room and nothing
    /// waits; otherwise into the queue like any other.
    /// </summary>
    public async Task<AcceptResult> AcceptAsync(NewEvent accepted, AcceptTerms terms)
    {
        Ticket ticket;
        Task<AcceptResult> write;
        lock (_gate)
        {
            if (_state != State.Open || _policy.Paused || _free <= 0 || _unsentBytes > MaxUnsentBytes)
            {
                ticket = TakeTicket(0);
                write = _queue.AcceptAsync(accepted, terms);
            }
            else
            {
                ticket = TakeTicket(1);
                write = _queue.AcceptAsync(accepted, terms with { Lease = new Lease(_session, ticket.Deadline + LeaseMargin) });
            }
        }

        LeasedEvent[] leased = [];
        try
        {
            var result = await write;
            if (result.Status == AcceptStatus.Leased)
            {
                leased = [new LeasedEvent(accepted.Id, accepted.AcceptedAt, accepted.Head, accepted.Body, Attempt: 1, Failures: 0, LossCounted: false)];
            }

            return result;
        }
        finally
        {
            Complete(ticket, leased);
        }
    }

    /// <summary>The agent acknowledged: counts for any event of its own, however late.</summary>
    public void Ack(string id)
    {
        if (!Probe.TryParseId(id, out var eventId))
        {
            _sink.UnknownEvent(id);
            return;
        }

        lock (_gate)
        {
            TakeBack(eventId, out _);
            _settlements.Add(new Settlement(eventId, SettlementKind.Ack, _session, AttemptOutcome.Acked));
            Fetch();
        }
    }

    /// <summary>The agent acknowledges, and answers the sender if it waits.</summary>
    public void Reply(string id, AgentReply reply)
    {
        if (EventId.TryParse(id, out var eventId))
        {
            _waits.Offer(_agent, eventId, reply);
        }

        Ack(id);
    }

    /// <summary>The agent gives an event back.</summary>
    public void Nack(string id, string? reason, TimeSpan? retryAfter, bool deadLetter)
    {
        lock (_gate)
        {
            if (EventId.TryParse(id, out var eventId) && TakeBack(eventId, out var inFlight))
            {
                var failures = inFlight.Failures + 1;
                var exhausted = RetrySchedule.IsExhausted(_policy, failures);
                if (exhausted)
                {
                    GivenUp(_logger, eventId, _agent, "All attempts failed.");
                }

                _settlements.Add(GiveBack(eventId, inFlight with { Failures = failures }, AttemptOutcome.Nacked, retryAfter ?? _schedule.DelayAfter(_policy, failures)) with
                {
                    Kind = deadLetter || exhausted ? SettlementKind.DeadLetter : SettlementKind.Retry,
                    Reason = reason,
                });
                Fetch();
                return;
            }
        }

        _sink.UnknownEvent(id);
    }

    /// <summary>The agent still works on it: the ack timeout starts anew.</summary>
    public void Extend(string id)
    {
        lock (_gate)
        {
            if (EventId.TryParse(id, out var eventId) && _inFlight.TryGetValue(eventId, out var inFlight))
            {
                var deadline = _time.GetUtcNow() + _policy.AckTimeout;
                _inFlight[eventId] = inFlight with { Deadline = deadline };
                _settlements.AddExtension(eventId, _session, deadline + LeaseMargin);
                return;
            }
        }

        _sink.UnknownEvent(id);
    }

    /// <summary>The socket took an event.</summary>
    public void Sent(LeasedEvent leased)
    {
        lock (_gate)
        {
            var wasFull = _unsentBytes > MaxUnsentBytes;
            _unsentBytes -= leased.Head.Length + leased.Body.Length;
            if (wasFull)
            {
                Fetch();
            }
        }
    }

    /// <summary>Called a few times a second: ends leases that ran out, asks for what came due.</summary>
    public void Tick(DateTimeOffset now)
    {
        lock (_gate)
        {
            if (_state is not (State.Open or State.Draining))
            {
                return;
            }

            if (now >= _firstDeadline)
            {
                EndOverdue(now);
            }

            if (now >= _nextSweep)
            {
                _nextSweep = now + SweepInterval;
                _nextFetch = now;
                _claimInDoubt = true;
            }

            if (now >= _nextFetch)
            {
                _nextFetch = DateTimeOffset.MaxValue;
                _mayHaveMore = true;
                Fetch();
            }
        }
    }

    /// <summary>Hands out nothing more and gives back what is in flight. The first end counts.</summary>
    public void Stop(PumpEnd end)
    {
        lock (_gate)
        {
            if (_state == State.Stopped)
            {
                return;
            }

            (_state, _end) = (State.Stopped, end);
            foreach (var (id, inFlight) in _inFlight)
            {
                EndWithConnection(id, inFlight);
            }

            _inFlight.Clear();
        }
    }

    /// <summary>Waits until what was given back or acknowledged is stored, or as long as an ack may take.</summary>
    public async Task EndAsync()
    {
        Stop(PumpEnd.Lost);
        await _fetch;
        await _settlements.EndAsync(_policy.AckTimeout);
    }

    /// <summary>Asks the queue, if there is room and something may be due. Under the lock.</summary>
    private void Fetch()
    {
        var hasRoom = !_policy.Paused && _free > 0 && _unsentBytes <= MaxUnsentBytes;
        if (_state != State.Open || _fetching || !_mayHaveMore || !(hasRoom || _claimInDoubt))
        {
            return;
        }

        (_fetching, _mayHaveMore, _claimInDoubt) = (true, false, false);
        var now = _time.GetUtcNow();
        // A quarter of the room is left to events that are accepted meanwhile: they need no fetch when nothing waits before them.
        var count = hasRoom ? Math.Min(_free - (_free / 4), MaxFetch) : 0;
        var ticket = TakeTicket(count);
        var lease = _queue.LeaseAsync(_agent, new LeaseRequest(_session, count, MaxFetchBytes, now, ticket.Deadline + LeaseMargin));
        _fetch = FinishFetchAsync(ticket, lease);
    }

    private async Task FinishFetchAsync(Ticket ticket, Task<LeaseResult> lease)
    {
        try
        {
            var result = await lease;
            Complete(ticket, result.Events);
            if (result.Superseded)
            {
                _sink.Superseded();
            }

            lock (_gate)
            {
                (_fetching, _fetchFailed) = (false, false);
                _mayHaveMore |= result.More;
                _nextFetch = Earlier(_nextFetch, result.NextDue);
                Fetch();
            }
        }
        catch (Exception exception)
        {
            Complete(ticket, []);
            if (!_fetchFailed)
            {
                FetchFailed(_logger, _agent, _session, exception is StoreUnavailableException ? exception.Message : exception.ToString());
            }

            lock (_gate)
            {
                (_fetching, _fetchFailed, _claimInDoubt) = (false, true, true);
                _nextFetch = _time.GetUtcNow() + StoreRetryInterval;
            }
        }
    }

    /// <summary>Reserves room in the window and a place in the order. Under the lock.</summary>
    private Ticket TakeTicket(int slots)
    {
        _free -= slots;
        var ticket = new Ticket(slots, _time.GetUtcNow() + _policy.AckTimeout);
        _tickets.Enqueue(ticket);
        return ticket;
    }

    /// <summary>Pushes what the ticket got, and what waited for it.</summary>
    private void Complete(Ticket ticket, IReadOnlyList<LeasedEvent> events)
    {
        lock (_gate)
        {
            ticket.Events = events;
            _free += ticket.Slots - events.Count;
            while (_tickets.TryPeek(out var first) && first.Events is { } ready)
            {
                _tickets.Dequeue();
                foreach (var leased in ready)
                {
                    Push(leased, first.Deadline);
                }
            }

            Fetch();
        }
    }

    private void Push(LeasedEvent leased, DateTimeOffset deadline)
    {
        var inFlight = new InFlight(deadline, leased.Failures, leased.LossCounted);
        if (_state is not (State.Open or State.Draining))
        {
            // Handed out while the connection ended: the agent never saw it.
            _free++;
            _settlements.Add(GiveBack(leased.Id, inFlight, AttemptOutcome.Released, TimeSpan.Zero));
        }
        else if (_inFlight.TryGetValue(leased.Id, out var held))
        {
            // Its lease ran out in the queue before an extension was stored there. The agent has it, and goes on with it.
            _free++;
            _inFlight[leased.Id] = inFlight with { Deadline = held.Deadline > deadline ? held.Deadline : deadline };
        }
        else if (_time.GetUtcNow() - leased.AcceptedAt >= _policy.Retention)
        {
            GiveUp(leased, inFlight, SettlementKind.Expire, AttemptOutcome.Expired, "Not delivered within the retention.");
        }
        else if (RetrySchedule.IsExhausted(_policy, leased.Failures))
        {
            GiveUp(leased, inFlight, SettlementKind.DeadLetter, AttemptOutcome.Released, "All attempts failed.");
        }
        else
        {
            _inFlight.Add(leased.Id, inFlight);
            _firstDeadline = Earlier(_firstDeadline, deadline);
            _unsentBytes += leased.Head.Length + leased.Body.Length;
            _sink.Push(leased);
        }
    }

    private void GiveUp(LeasedEvent leased, InFlight inFlight, SettlementKind kind, AttemptOutcome outcome, string reason)
    {
        _free++;
        _mayHaveMore = true;
        GivenUp(_logger, leased.Id, _agent, reason);
        _settlements.Add(GiveBack(leased.Id, inFlight, outcome, TimeSpan.Zero) with { Kind = kind, Reason = reason });
    }

    private bool TakeBack(EventId id, out InFlight inFlight)
    {
        if (!_inFlight.Remove(id, out inFlight))
        {
            return false;
        }

        _free++;
        return true;
    }

    private void EndOverdue(DateTimeOffset now)
    {
        List<(EventId Id, InFlight InFlight)>? overdue = null;
        _firstDeadline = DateTimeOffset.MaxValue;
        foreach (var (id, inFlight) in _inFlight)
        {
            if (inFlight.Deadline <= now)
            {
                (overdue ??= []).Add((id, inFlight));
            }
            else
            {
                _firstDeadline = Earlier(_firstDeadline, inFlight.Deadline);
            }
        }

        foreach (var (id, inFlight) in overdue ?? [])
        {
            TakeBack(id, out _);
            var failures = inFlight.Failures + 1;
            Fail(id, inFlight with { Failures = failures }, AttemptOutcome.TimedOut, "No ack in time.");
        }

        Fetch();
    }

    /// <summary>Gives back one event whose connection ended.</summary>
    private void EndWithConnection(EventId id, InFlight inFlight)
    {
        switch (_end)
        {
            case PumpEnd.Lost:
                // A loss counts once, however often the connection is lost: time offline costs no attempt.
                var failures = inFlight.LossCounted ? inFlight.Failures : inFlight.Failures + 1;
                Fail(id, inFlight with { Failures = failures, LossCounted = true }, AttemptOutcome.ConnectionLost, reason: null);
                break;
            case PumpEnd.Shutdown:
                _settlements.Add(GiveBack(id, inFlight, AttemptOutcome.Released, TimeSpan.Zero));
                break;
            case PumpEnd.Replaced:
                // The claim released it already.
                break;
        }
    }

    private void Fail(EventId id, InFlight inFlight, AttemptOutcome outcome, string? reason)
    {
        var exhausted = RetrySchedule.IsExhausted(_policy, inFlight.Failures);
        if (exhausted)
        {
            GivenUp(_logger, id, _agent, reason ?? "The connection was lost.");
        }

        _settlements.Add(GiveBack(id, inFlight, outcome, _schedule.DelayAfter(_policy, inFlight.Failures)) with
        {
            Kind = exhausted ? SettlementKind.DeadLetter : SettlementKind.Retry,
            Reason = reason,
        });
    }

    private Settlement GiveBack(EventId id, InFlight inFlight, AttemptOutcome outcome, TimeSpan delay)
    {
        var due = _time.GetUtcNow() + delay;
        return new Settlement(id, SettlementKind.Retry, _session, outcome) { DueAt = due, Failures = inFlight.Failures, LossCounted = inFlight.LossCounted };
    }

    /// <summary>The queue knows of a retry: ask for it when it is due.</summary>
    private void RetryStored(DateTimeOffset due)
    {
        lock (_gate)
        {
            _nextFetch = Earlier(_nextFetch, due);
        }
    }

    private static DateTimeOffset Earlier(DateTimeOffset a, DateTimeOffset? b) => b < a ? b.Value : a;

    [LoggerMessage(1101, LogLevel.Warning, "Event {Event} of {Agent} is given up: {Reason}")]
    private static partial void GivenUp(ILogger logger, EventId @event, RelayId agent, string reason);

    [LoggerMessage(1102, LogLevel.Warning, "The queue of {Agent} could not be read for {Session}; it is tried again: {Cause}")]
    private static partial void FetchFailed(ILogger logger, RelayId agent, SessionId session, string cause);

    private readonly record struct InFlight(DateTimeOffset Deadline, int Failures, bool LossCounted);

    /// <summary>A place in the order of pushing, taken when the queue is asked.</summary>
    private sealed class Ticket(int slots, DateTimeOffset deadline)
    {
        /// <summary>Room reserved in the window.</summary>
        public int Slots { get; } = slots;

        public DateTimeOffset Deadline { get; } = deadline;

        /// <summary>What to push; null until the queue has answered.</summary>
        public IReadOnlyList<LeasedEvent>? Events { get; set; }
    }
}

/// <summary>What every pump needs.</summary>
internal sealed record DeliveryPumpServices(
    IDeliveryQueue Queue, RetrySchedule Schedule, SenderWaits Waits, TimeProvider Time, ILogger<DeliveryPump> Logger);
