using Relay.Server.Storage;

namespace Relay.Server.Delivery;

/// <content>How attempts end without an ack, and how all of them do.</content>
internal sealed partial class DeliveryPump
{
    /// <summary>Waits until what was given back or acknowledged is stored, or as long as an ack may take.</summary>
    public async Task EndAsync()
    {
        Stop(PumpEnd.Lost);
        await _fetch;
        await LeaveAsync();
        await _settlements.EndAsync(_policy.AckTimeout);
    }

    void ISettlementOwner.UnknownEvent(string id) => _sink.UnknownEvent(id);

    /// <summary>The queue is asked for it when it is due.</summary>
    void ISettlementOwner.RetryStored(DateTimeOffset due)
    {
        lock (_gate)
        {
            WakeAt(due);
        }
    }

    /// <summary>Nothing is left to this connection any more. It is soon forgotten where that cannot be said.</summary>
    private async Task LeaveAsync()
    {
        if (_session.IsSharing)
        {
            try
            {
                var now = _time.GetUtcNow();
                await _queue.LeaseAsync(_agent, new LeaseRequest(_session, MaxEvents: 0, MaxBytes: 0, now, now));
            }
            catch (StoreUnavailableException)
            {
            }
        }
    }

    /// <summary>Under the lock, as all that follows.</summary>
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
        var overdue = _inFlight.TakeOverdue(now);
        if (overdue.Count == 0)
        {
            return;
        }

        _free += overdue.Count;
        foreach (var (id, inFlight) in overdue)
        {
            const string Reason = "No ack in time.";
            Fail(End(id, inFlight with { Failures = inFlight.Failures + 1 }, AttemptOutcome.TimedOut) with { Reason = Reason }, Reason);
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
                Fail(End(id, inFlight with { Failures = failures, LossCounted = true }, AttemptOutcome.ConnectionLost), "The connection was lost.");
                break;
            case PumpEnd.Shutdown:
                _settlements.Add(End(id, inFlight, AttemptOutcome.Released) with { DueAt = _time.GetUtcNow() });
                break;
            case PumpEnd.Replaced:
                // The claim released it already.
                break;
        }
    }

    private Settlement End(EventId id, InFlight inFlight, AttemptOutcome outcome) =>
        new(id, SettlementKind.Retry, _session, outcome) { Attempt = inFlight.Attempt, Failures = inFlight.Failures, LossCounted = inFlight.LossCounted };

    /// <param name="failed">How the attempt ended.</param>
    /// <param name="cause">For the log, if the event is given up for it.</param>
    /// <param name="pause">What the agent asked for; null: by the schedule.</param>
    private void Fail(Settlement failed, string cause, TimeSpan? pause = null)
    {
        var settlement = _retries.AfterFailure(_policy, failed, _time.GetUtcNow(), pause);
        if (RetrySchedule.IsExhausted(_policy, failed.Failures))
        {
            GivenUp(_logger, failed.Id, _agent, cause);
        }

        _settlements.Add(settlement);
    }
}
