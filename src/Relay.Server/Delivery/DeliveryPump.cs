using Relay.Protocol;

namespace Relay.Server.Delivery;

/// <summary>
/// Moves one agent's events from the queue to one connection, and what the agent says of them back: the window, the order, the
/// leases. No timer, no task while idle: <see cref="Tick"/> is called when it said that something is due.
/// <para>Any thread. State is guarded by one lock that is never held over an await. What is pushed is pushed in the <see cref="PushOrder"/>.</para>
/// </summary>
internal sealed partial class DeliveryPump : ISettlementOwner
{
    private const int MaxFetch = 256;
    private const long MaxFetchBytes = 4 << 20;

    /// <summary>Events this big altogether, pushed and not yet taken by the socket, hold back further ones: a slow agent costs itself.</summary>
    private const long MaxUnsentBytes = 4 << 20;

    /// <summary>The store's lease outlives ours a little: while this node lives, it says itself that an ack timed out.</summary>
    private static readonly TimeSpan LeaseMargin = TimeSpan.FromSeconds(2);

    /// <summary>About as long as the store leaves to a connection what is its turn.</summary>
    private static readonly TimeSpan TurnTime = TimeSpan.FromMilliseconds(250);

    private readonly Lock _gate = new();
    private readonly RelayId _agent;
    private readonly SessionId _session;
    private readonly IDeliverySink _sink;
    private readonly IDeliveryQueue _queue;
    private readonly RetrySchedule _retries;
    private readonly int? _asked;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly PushOrder _order = new();
    private readonly InFlightTable _inFlight = new();
    private readonly FetchSchedule _schedule = new();
    private readonly SettlementQueue _settlements;

    private State _state = State.Closed;
    private PumpEnd _end;
    private DeliveryPolicy _policy;
    private int _free;

    /// <summary>Slots that are reserved for events whose acceptance is not answered; most of those come back when another connection has its turn.</summary>
    private int _accepting;
    private long _unsentBytes;

    /// <summary>What is asked of the queue now. Not kept when it is answered: there are many pumps, and most are idle.</summary>
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
        (_queue, _retries, _time, _logger) = (services.Queue, services.Schedule, services.Time, services.Logger);
        _settlements = new SettlementQueue(agent, services, this);
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
                return _inFlight.Count == 0 && _order.IsEmpty;
            }
        }
    }

    /// <summary>How many events more could be handed out now; it may be otherwise by the time it is read.</summary>
    public int Room
    {
        get
        {
            lock (_gate)
            {
                return _state == State.Open && HasRoom ? _free : 0;
            }
        }
    }

    /// <summary>Under the lock.</summary>
    private bool HasRoom => !_policy.Paused && _free > 0 && _unsentBytes <= MaxUnsentBytes;

    /// <summary>Begins to hand out, with what waits.</summary>
    public void Open()
    {
        lock (_gate)
        {
            if (_state == State.Closed)
            {
                _state = State.Open;
                _schedule.Begin(_time.GetUtcNow(), sweeps: _queue.LosesSignals);
                _sink.DueAt(_schedule.NextDue);
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

    /// <summary>
    /// Stores an event for the agent of this pump: already leased, and pushed when the write has returned, if there is room and nothing
    /// waits; otherwise into the queue like any other.
    /// </summary>
    public Task<AcceptResult> AcceptAsync(NewEvent accepted, AcceptTerms terms)
    {
        PushTicket ticket;
        Task<AcceptResult> write;
        lock (_gate)
        {
            if (_state != State.Open || !HasRoom)
            {
                ticket = TakeTicket(0);
                write = _queue.AcceptAsync(accepted, terms);
            }
            else
            {
                var room = _free + _accepting++;
                ticket = TakeTicket(1);
                write = _queue.AcceptAsync(accepted, terms with { Lease = new Lease(_session, ticket.Deadline + LeaseMargin) { Room = room } });
            }
        }

        // What is awaited keeps what is needed after it, and nothing else.
        return FinishAcceptAsync(ticket, accepted, write);
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
            foreach (var (id, inFlight) in _inFlight.TakeAll())
            {
                EndWithConnection(id, inFlight);
            }
        }
    }

    /// <summary>Reserves room in the window and a place in the order. Under the lock.</summary>
    private PushTicket TakeTicket(int slots)
    {
        _free -= slots;
        return _order.Take(slots, _time.GetUtcNow() + _policy.AckTimeout);
    }

    private async Task<AcceptResult> FinishAcceptAsync(PushTicket ticket, NewEvent accepted, Task<AcceptResult> write)
    {
        LeasedEvent[] leased = [];
        try
        {
            var result = await write;
            if (result.Status == AcceptStatus.Leased)
            {
                leased = [new LeasedEvent(accepted.Id, accepted.AcceptedAt, accepted.Head, accepted.Body, Attempt: 1, Failures: 0, LossCounted: false) { ReplyBy = accepted.ReplyBy, Place = result.Place }];
            }

            return result;
        }
        catch when (ticket.Slots > 0)
        {
            // It may be leased to this session and nobody know of it: then it comes when that is over.
            lock (_gate)
            {
                WakeAt(ticket.Deadline + LeaseMargin);
            }

            throw;
        }
        finally
        {
            Complete(ticket, leased, ticket.Slots);
        }
    }

    /// <summary>Pushes what the ticket got, and what waited for it.</summary>
    private void Complete(PushTicket ticket, IReadOnlyList<LeasedEvent> events, int accepted = 0)
    {
        bool isAlone;
        lock (_gate)
        {
            _accepting -= accepted;
            isAlone = accepted > 0 && _accepting == 0;
            ticket.Events = events;
            _free += ticket.Slots - events.Count;
            while (_order.Next() is { } next)
            {
                for (var i = 0; i < next.Events!.Count; i++)
                {
                    Push(next.Events[i], next.Deadline);
                }
            }

            Fetch();
        }

        _sink.Flush(here: isAlone);
    }

    private void Push(LeasedEvent leased, DateTimeOffset deadline)
    {
        var now = _time.GetUtcNow();
        if (_state is not (State.Open or State.Draining))
        {
            // Handed out while the connection ended: the agent never saw it.
            _free++;
            _settlements.Add(leased.End(SettlementKind.Retry, _session, AttemptOutcome.Released, now));
        }
        else if (_inFlight.TryFind(leased.Id, out var held))
        {
            // Its lease ran out in the queue before an extension was stored there. The agent has it, and goes on with it.
            _free++;
            Hold(leased.Id, new InFlight(leased, held.Deadline > deadline ? held.Deadline : deadline.UtcDateTime));
        }
        else if (RetrySchedule.GiveUp(_policy, _session, leased, now) is { } end)
        {
            _free++;
            _schedule.Wake();
            GivenUp(_logger, leased.Id, _agent, end.Reason!);
            _settlements.Add(end);
        }
        else
        {
            Hold(leased.Id, new InFlight(leased, deadline.UtcDateTime));
            _unsentBytes += leased.Head.Length + leased.Body.Length;
            _sink.Push(leased);
        }
    }

    /// <summary>The agent has the event until the deadline.</summary>
    private void Hold(EventId id, InFlight inFlight)
    {
        _inFlight.Set(id, inFlight);
        _sink.DueAt(inFlight.Deadline);
    }
}
