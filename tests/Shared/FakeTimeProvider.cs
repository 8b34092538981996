namespace Relay.Tests.Shared;

/// <summary>A clock that stands still until a test moves it. Its ticks are of an odd length, so that nobody takes them for milliseconds.</summary>
internal sealed class FakeTimeProvider : TimeProvider
{
    private static readonly DateTimeOffset Start = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    /// <summary>A jump over more of its periods than this a timer sleeps through, as it would with the machine.</summary>
    private const int MostPeriods = 10_000;
    private readonly Lock _lock = new();
    private readonly List<FakeTimer> _timers = [];
    private TimeSpan _now;

    /// <summary>By how much the clock on the wall was set back altogether.</summary>
    private TimeSpan _setBack;

    public override long TimestampFrequency => 12_345_679;

    public override long GetTimestamp() => (long)((Int128)Now.Ticks * TimestampFrequency / TimeSpan.TicksPerSecond);

    public override DateTimeOffset GetUtcNow()
    {
        lock (_lock)
        {
            return Start + _now - _setBack;
        }
    }

    private TimeSpan Now
    {
        get
        {
            lock (_lock)
            {
                return _now;
            }
        }
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new FakeTimer(this, () => callback(state));
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Sets the clock on the wall back. Timers and timestamps know nothing of that, as everywhere.</summary>
    public void SetBack(TimeSpan by)
    {
        lock (_lock)
        {
            _setBack += by;
        }
    }

    /// <summary>Moves the clock and fires, in order and on this thread, every timer that is due on the way.</summary>
    public void Advance(TimeSpan by)
    {
        Assert.True(by >= TimeSpan.Zero, "Time does not run backwards; a clock can be set back.");
        var target = Now + by;
        while (true)
        {
            FakeTimer? next;
            lock (_lock)
            {
                next = _timers.Where(timer => timer.Due <= target).MinBy(timer => timer.Due);
                _now = next is null ? target : next.Due > _now ? next.Due : _now;
                if (next is null)
                {
                    return;
                }

                next.Due += target - next.Due > MostPeriods * next.Period ? target - next.Due : next.Period;
                if (next.Period <= TimeSpan.Zero)
                {
                    _timers.Remove(next);
                }
            }

            next.Fire();
        }
    }

    private sealed class FakeTimer(FakeTimeProvider clock, Action fire) : ITimer
    {
        public TimeSpan Due { get; set; }

        public TimeSpan Period { get; private set; }

        public void Fire() => fire();

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (clock._lock)
            {
                clock._timers.Remove(this);
                if (dueTime != Timeout.InfiniteTimeSpan)
                {
                    (Due, Period) = (clock._now + dueTime, period);
                    clock._timers.Add(this);
                }

                return true;
            }
        }

        public void Dispose() => Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
