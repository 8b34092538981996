namespace Relay.Server.Connections;

/// <summary>
/// Brings each item its tick when it is due, at a cost that does not grow with the items that are not: a hashed timing wheel (Varghese
/// and Lauck, 1987). Follows the clock also where it jumps. Any thread; <see cref="Advance"/> one at a time.
/// </summary>
internal sealed partial class TimingWheel(TimeProvider time, ILogger<TimingWheel> logger)
{
    /// <summary>A tick comes about so much late.</summary>
    public static readonly TimeSpan Step = TimeSpan.FromMilliseconds(250);

    /// <summary>What is due later than they reach gets a tick before that, and says again when it is due.</summary>
    private const int Slots = 256;

    private readonly Lock _gate = new();
    private readonly Item?[] _slots = new Item?[Slots];
    private readonly List<Item> _due = [];

    /// <summary>The step that was advanced to. What is due in it may be due later in it.</summary>
    private long _now = StepOf(time.GetUtcNow());

    /// <summary>Brings the item its next tick then, or earlier if that was asked for before. Does nothing for one that was removed.</summary>
    public void Schedule(Item item, DateTimeOffset due)
    {
        var step = StepOf(due);
        if (step >= item.Step)
        {
            return;
        }

        lock (_gate)
        {
            step = Math.Clamp(step, _now, _now + Slots - 1);
            if (step < item.Step)
            {
                Unlink(item);
                Link(item, step);
            }
        }
    }

    /// <summary>The item gets no tick any more, but for one that is on its way.</summary>
    public void Remove(Item item)
    {
        lock (_gate)
        {
            Unlink(item);
            item.Step = Item.Removed;
        }
    }

    /// <summary>Ticks what is due.</summary>
    public void Advance()
    {
        var now = time.GetUtcNow();
        TakeDue(StepOf(now));
        foreach (var item in _due)
        {
            var next = now;
            try
            {
                next = item.Tick(now);
            }
            catch (Exception exception)
            {
                TickFailed(logger, exception, item);
            }

            Schedule(item, next);
        }

        _due.Clear();
    }

    private static long StepOf(DateTimeOffset moment) => moment.UtcTicks / Step.Ticks;

    private void TakeDue(long now)
    {
        lock (_gate)
        {
            // All, where the clock went back: who waits for a moment that is now far away asks for a nearer one.
            var first = now < _now ? now - Slots + 1 : Math.Max(_now, now - Slots + 1);
            for (var step = first; step <= now; step++)
            {
                while (_slots[IndexOf(step)] is { } item)
                {
                    Unlink(item);
                    _due.Add(item);
                }
            }

            _now = now;
        }
    }

    private void Link(Item item, long step)
    {
        ref var first = ref _slots[IndexOf(step)];
        (item.Step, item.Next) = (step, first);
        if (first is not null)
        {
            first.Previous = item;
        }

        first = item;
    }

    private void Unlink(Item item)
    {
        if (item.Step is Item.Unscheduled or Item.Removed)
        {
            return;
        }

        if (item.Previous is { } previous)
        {
            previous.Next = item.Next;
        }
        else
        {
            _slots[IndexOf(item.Step)] = item.Next;
        }

        if (item.Next is { } next)
        {
            next.Previous = item.Previous;
        }

        (item.Step, item.Next, item.Previous) = (Item.Unscheduled, null, null);
    }

    private static int IndexOf(long step) => (int)(step & (Slots - 1));

    [LoggerMessage(1211, LogLevel.Error, "The clock of {Item} failed")]
    private static partial void TickFailed(ILogger logger, Exception exception, Item item);

    /// <summary>What has moments at which it wants a tick. All but the tick is the wheel's.</summary>
    internal abstract class Item
    {
        public const long Unscheduled = long.MaxValue;
        public const long Removed = long.MinValue;

        private long _step = Unscheduled;

        /// <summary>
        /// Where it is in the wheel. Read without the lock by who would bring it forward: it is taken out before its tick, so whoever guards what
        /// the tick looks at by the same lock as the tick sees it there only if the tick will come.
        /// </summary>
        public long Step
        {
            get => Volatile.Read(ref _step);
            set => Volatile.Write(ref _step, value);
        }

        public Item? Next { get; set; }

        public Item? Previous { get; set; }

        /// <summary>Does what is due.</summary>
        /// <returns>When it is to be called next; <see cref="Schedule"/> may bring that forward.</returns>
        public abstract DateTimeOffset Tick(DateTimeOffset now);
    }
}
