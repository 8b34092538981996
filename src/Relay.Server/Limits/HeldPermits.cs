using Relay.Server.Storage;

namespace Relay.Server.Limits;

/// <summary>
/// What one node has taken of one key's permits and not used yet: a batch in use and, while that is used up, the next one. How many are
/// asked for follows how fast they go: what is held and not used in time is lost to all nodes. Any thread.
/// </summary>
internal sealed class HeldPermits(ISharedPermits permits, TimeProvider time, LimitKey key, int perMinute)
{
    private readonly Lock _gate = new();
    private readonly int _most = Math.Clamp(perMinute / 100, 1, 10_000);
    private Batch _batch;
    private Batch _next;

    /// <summary>How many to ask for.</summary>
    private int _wanted = 1;

    private long _leftInStore;

    /// <summary>When the store was asked and had none, and for how long it has none then.</summary>
    private long _noneSince;
    private TimeSpan _noneFor;
    private Task<(TakenPermits Taken, StoreUnavailableException? Fault)>? _filling;

    public int PerMinute => perMinute;

    public bool IsIdle
    {
        get
        {
            lock (_gate)
            {
                return _filling is null && _batch.CountAt(time) == 0 && _next.CountAt(time) == 0;
            }
        }
    }

    /// <returns>Null: the store is to be asked first.</returns>
    public Permit? Take()
    {
        lock (_gate)
        {
            if (_batch.CountAt(time) == 0)
            {
                // Too many were asked for, or too few: those of a batch that was used up in its time are doubled.
                _wanted = _batch.Taken == 0 ? _wanted : _batch.Count == 0 ? Math.Min(2 * _wanted, _most) : Math.Max(1, _batch.Taken - _batch.Count);
                (_batch, _next) = (_next, default);
            }

            if (_batch.CountAt(time) > 0)
            {
                _batch.Count--;
                if (_batch.Count <= _batch.Taken / 2 && _next.Count == 0 && _filling is null && _batch.Taken > 1)
                {
                    _filling = FillAsync();
                }

                return new Permit(true, _batch.Count + _next.CountAt(time) + _leftInStore, TimeSpan.Zero);
            }

            var wait = _noneFor - time.GetElapsedTime(_noneSince);
            return wait > TimeSpan.Zero && wait <= _noneFor ? new Permit(false, 0, wait) : null;
        }
    }

    /// <summary>Asks the store, or waits for who is asking it.</summary>
    /// <exception cref="StoreUnavailableException">By the task.</exception>
    public async Task<Permit> TakeWhenFilledAsync()
    {
        while (true)
        {
            Task<(TakenPermits Taken, StoreUnavailableException? Fault)> filling;
            lock (_gate)
            {
                filling = _filling ??= FillAsync();
            }

            var (taken, fault) = await filling;
            if (Take() is { } permit)
            {
                return permit;
            }

            if (fault is not null)
            {
                throw new StoreUnavailableException(fault.Message, fault);
            }

            if (taken.Count == 0)
            {
                return new Permit(false, 0, taken.Wait);
            }
        }
    }

    /// <summary>Called under the lock, ends without it. Does not fault: perhaps nobody waits for it.</summary>
    private async Task<(TakenPermits Taken, StoreUnavailableException? Fault)> FillAsync()
    {
        TakenPermits taken = default;
        StoreUnavailableException? fault = null;
        var asked = time.GetTimestamp();
        try
        {
            taken = await permits.TakeAsync(key, perMinute, _wanted, time.GetUtcNow()).ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
        }
        catch (StoreUnavailableException exception)
        {
            fault = exception;
        }

        lock (_gate)
        {
            _filling = null;
            if (taken.Count > 0)
            {
                var batch = new Batch { Taken = taken.Count, Count = taken.Count, AskedAt = asked };
                (_batch, _next) = _batch.CountAt(time) > 0 ? (_batch, batch) : (batch, default);
            }

            _leftInStore = taken.Left;
            (_noneSince, _noneFor) = (asked, taken.Wait);
        }

        return (taken, fault);
    }

    /// <summary>Permits that were taken together.</summary>
    private struct Batch
    {
        public int Taken;
        public int Count;

        /// <summary>A timestamp.</summary>
        public long AskedAt;

        /// <summary>How many may still be used. Counted from when they were asked for, which was before they were taken.</summary>
        public readonly int CountAt(TimeProvider time) => Count > 0 && time.GetElapsedTime(AskedAt) < ISharedPermits.HeldFor ? Count : 0;
    }
}
