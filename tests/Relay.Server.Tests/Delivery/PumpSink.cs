using Relay.Server.Delivery;

namespace Relay.Server.Tests.Delivery;

/// <summary>One connection as the agent sees it: what it was given and has not finished. It notes the first broken promise.</summary>
internal sealed class PumpSink(ModelQueue queue, int window, PumpSink.Order order, TimeSpan ackTimeout, TimeProvider clock) : IDeliverySink
{
    /// <summary>How much longer than the pump's own deadline the store's lease is.</summary>
    private static readonly TimeSpan LeaseMargin = TimeSpan.FromSeconds(2);

    private readonly Lock _gate = new();
    private readonly Dictionary<EventId, DateTimeOffset> _deadlines = [];
    private DateTimeOffset _due = DateTimeOffset.MaxValue;

    public string? Broken { get; private set; }

    /// <summary>
    /// Whose window is counted. What the agent holds is told by deadlines here, which an extension that the store learns of late makes
    /// differ from the pump's own.
    /// </summary>
    public DeliveryPump Pump { get; set; } = null!;

    public IReadOnlyList<string> InFlight
    {
        get
        {
            lock (_gate) return [.. _deadlines.Keys.Select(id => id.ToString()).Order(StringComparer.Ordinal)];
        }
    }

    public void Push(LeasedEvent leased)
    {
        var deadline = queue.Look(model => model.Events.First(one => one.Id == leased.Id).LeasedUntil) - LeaseMargin;
        lock (_gate)
        {
            _deadlines[leased.Id] = deadline;
            Promise(Pump.InFlightCount <= window, $"{Pump.InFlightCount} in flight");
            Promise(leased.Attempt > 1 || order.IsNext(leased.Id), $"{leased.Id} was overtaken");
            Promise(leased.Attempt > 1 || !queue.IsUnanswered(leased.Id), $"{leased.Id} was pushed before it was stored");
        }
    }

    public void Flush(bool here)
    {
    }

    /// <summary>An agent may be late: what it names may have been taken back meanwhile.</summary>
    public void UnknownEvent(string id)
    {
    }

    public void DueAt(DateTimeOffset due)
    {
        lock (_gate) _due = due < _due ? due : _due;
    }

    public void Superseded()
    {
    }

    /// <summary>Whether the pump wants its tick, as it said. It says it again when it has got it.</summary>
    public bool TakeTick(DateTimeOffset now)
    {
        lock (_gate)
        {
            if (now < _due) return false;
            _due = DateTimeOffset.MaxValue;
            return true;
        }
    }

    public void Done(string id)
    {
        lock (_gate) _deadlines.Remove(Parse(id));
    }

    public string Extended(string id)
    {
        lock (_gate)
        {
            var parsed = Parse(id);
            if (_deadlines.ContainsKey(parsed)) _deadlines[parsed] = clock.GetUtcNow() + ackTimeout;
        }

        return id;
    }

    public void EndOverdue(DateTimeOffset now)
    {
        lock (_gate)
        {
            foreach (var (id, _) in _deadlines.Where(one => one.Value <= now).ToList()) _deadlines.Remove(id);
        }
    }

    public void Close()
    {
        lock (_gate) _deadlines.Clear();
    }

    private void Promise(bool kept, string otherwise) => Broken ??= kept ? null : otherwise;

    private static EventId Parse(string id) => EventId.TryParse(id, out var parsed) ? parsed : throw new ArgumentException(id);

    /// <summary>The first attempts on all connections, which must come in the order of acceptance: that of the ids.</summary>
    internal sealed class Order
    {
        private readonly Lock _gate = new();
        private EventId _last;

        public bool IsNext(EventId id)
        {
            lock (_gate)
            {
                var isNext = string.CompareOrdinal(id.ToString(), _last.ToString()) > 0;
                _last = id;
                return isNext;
            }
        }
    }
}
