using Relay.Server.Operations;

namespace Relay.Server.Delivery;

/// <summary>
/// When one connection asks the queue: one call at a time, only if something may be due, and again when the next event comes due. Where
/// signals may be lost also every <see cref="SweepInterval"/>. Guarded by its owner.
/// </summary>
internal sealed class FetchSchedule
{
    /// <summary>Lost wake-ups cost at most this.</summary>
    private static readonly TimeSpan SweepInterval = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan RetryInterval = TimeSpan.FromMilliseconds(500);

    private bool _isRunning;
    private bool _mayHaveMore;

    /// <summary>Another session may hold the claim: the queue is asked even without room for an event.</summary>
    private bool _claimInDoubt;
    private DateTimeOffset _next = DateTimeOffset.MaxValue;
    private DateTimeOffset _nextSweep = DateTimeOffset.MaxValue;

    /// <summary>Whether the last call failed.</summary>
    public bool HasFailed { get; private set; }

    /// <summary>When to tick.</summary>
    public DateTimeOffset NextDue => _next < _nextSweep ? _next : _nextSweep;

    /// <param name="now">The first call is due.</param>
    /// <param name="sweeps">Whether signals may be lost.</param>
    public void Begin(DateTimeOffset now, bool sweeps)
    {
        _mayHaveMore = true;
        _nextSweep = sweeps ? now + SweepInterval : DateTimeOffset.MaxValue;
    }

    /// <summary>Something may be due.</summary>
    public void Wake() => _mayHaveMore = true;

    /// <summary>Another session seems to have claimed the agent.</summary>
    public void DoubtClaim() => (_mayHaveMore, _claimInDoubt) = (true, true);

    /// <summary>Something comes due then.</summary>
    public void WakeAt(DateTimeOffset? due) => _next = due < _next ? due.Value : _next;

    /// <returns>Whether something may have come due since.</returns>
    public bool Tick(DateTimeOffset now)
    {
        if (_nextSweep != DateTimeOffset.MaxValue && Repeating.IsDue(ref _nextSweep, SweepInterval, now))
        {
            _next = now;
            _claimInDoubt = true;
        }

        if (now < _next)
        {
            return false;
        }

        _next = DateTimeOffset.MaxValue;
        return _mayHaveMore = true;
    }

    /// <returns>Whether the queue is to be asked now; if so, one of the two ends follows.</returns>
    public bool TryStart(bool hasRoom)
    {
        if (_isRunning || !_mayHaveMore || !(hasRoom || _claimInDoubt))
        {
            return false;
        }

        (_mayHaveMore, _claimInDoubt) = (false, false);
        return _isRunning = true;
    }

    public void Answered(LeaseResult result)
    {
        (_isRunning, HasFailed) = (false, false);
        _mayHaveMore |= result.More;
        WakeAt(result.NextDue);
    }

    public void Failed(DateTimeOffset now)
    {
        (_isRunning, HasFailed, _claimInDoubt) = (false, true, true);
        _next = now + RetryInterval;
    }
}
