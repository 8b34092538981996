using Relay.Server.Storage;

namespace Relay.Server.Delivery;

/// <content>When the queue is asked for more.</content>
internal sealed partial class DeliveryPump
{
    /// <summary>Something may be due.</summary>
    public void Wake()
    {
        lock (_gate)
        {
            _schedule.Wake();
            Fetch();
        }
    }

    /// <summary>Something is ready that is another connection's turn: it is asked for if that one does not come for it.</summary>
    public void WakeLater()
    {
        lock (_gate)
        {
            WakeAt(_time.GetUtcNow() + TurnTime);
        }
    }

    /// <summary>Another session seems to have claimed the agent. Only the queue's word counts: signals may be old.</summary>
    public void DoubtClaim()
    {
        lock (_gate)
        {
            _schedule.DoubtClaim();
            Fetch();
        }
    }

    /// <summary>Ends leases that ran out, asks for what came due.</summary>
    /// <returns>When to call it again; <see cref="IDeliverySink.DueAt"/> may bring that forward.</returns>
    public DateTimeOffset Tick(DateTimeOffset now)
    {
        lock (_gate)
        {
            if (_state is not (State.Open or State.Draining))
            {
                return DateTimeOffset.MaxValue;
            }

            EndOverdue(now);

            if (_schedule.Tick(now))
            {
                Fetch();
            }

            return _inFlight.FirstDeadline < _schedule.NextDue ? _inFlight.FirstDeadline : _schedule.NextDue;
        }
    }

    /// <summary>Asks the queue, if there is room and something may be due. Under the lock.</summary>
    private void Fetch()
    {
        var hasRoom = HasRoom;
        if (_state != State.Open || !_schedule.TryStart(hasRoom))
        {
            return;
        }

        var now = _time.GetUtcNow();
        // A quarter of the room is left to events that are accepted meanwhile: they need no fetch when nothing waits before them.
        var count = hasRoom ? Math.Min(_free - (_free / 4), MaxFetch) : 0;
        var room = hasRoom ? _free + _accepting : 0;
        var ticket = TakeTicket(count);
        var request = new LeaseRequest(_session, count, MaxFetchBytes, now, ticket.Deadline + LeaseMargin) { Room = room, Enough = (count + 1) / 2 };
        var lease = _queue.LeaseAsync(_agent, request);
        _fetch = FinishFetchAsync(ticket, lease);
    }

    private async Task FinishFetchAsync(PushTicket ticket, Task<LeaseResult> lease)
    {
        try
        {
            // Also one that is answered already: what follows calls others, and the caller holds the lock.
            var result = await lease.ConfigureAwait(ConfigureAwaitOptions.ForceYielding);
            Complete(ticket, result.Events);
            if (result.Superseded)
            {
                _sink.Superseded();
            }

            lock (_gate)
            {
                _fetch = Task.CompletedTask;
                _schedule.Answered(result);
                _sink.DueAt(_schedule.NextDue);
                Fetch();
            }
        }
        catch (Exception exception)
        {
            Complete(ticket, []);
            if (!_schedule.HasFailed)
            {
                FetchFailed(_logger, _agent, _session, exception is StoreUnavailableException ? exception.Message : exception.ToString());
            }

            lock (_gate)
            {
                _fetch = Task.CompletedTask;
                _schedule.Failed(_time.GetUtcNow());
                _sink.DueAt(_schedule.NextDue);
            }
        }
    }

    /// <summary>Something comes due then. Under the lock.</summary>
    private void WakeAt(DateTimeOffset due)
    {
        _schedule.WakeAt(due);
        _sink.DueAt(due);
    }
}
