using Relay.Server.Delivery;

namespace Relay.Server.Tests.Storage.Model;

/// <summary>
/// What <see cref="IDeliveryQueue"/> promises, as plain code over one list in memory: one agent's queue, written to be read. A store
/// must answer every sequence of calls as this does.
/// </summary>
internal sealed class QueueModel(DeliveryOptions options)
{
    /// <summary>In the order of acceptance.</summary>
    private readonly List<ModelEvent> _events = [];
    private readonly Dictionary<string, (EventId First, DateTimeOffset Until)> _keys = [];
    private readonly Dictionary<GapReason, Gap> _gaps = [];
    private SessionId? _claim;

    public IEnumerable<ModelEvent> Events => _events;

    public SessionId? Claim => _claim;

    public IEnumerable<Gap> Gaps => _gaps.Values;

    private IEnumerable<ModelEvent> Unsettled => _events.Where(one => !one.IsSettled);

    private IEnumerable<ModelEvent> Ready => _events.Where(one => one.State == EventState.Ready);

    public AcceptResult Accept(NewEvent accepted, AcceptTerms terms)
    {
        var key = accepted.IdempotencyKey is { } bytes ? Convert.ToHexString(bytes) : null;
        if (key is not null && _keys.TryGetValue(key, out var used) && used.Until > accepted.AcceptedAt)
        {
            return new AcceptResult(AcceptStatus.Duplicate, used.First);
        }

        var isFull = Unsettled.Count() >= terms.MaxQueuedEvents
            || Unsettled.Sum(one => one.Accepted.SizeBytes) + accepted.SizeBytes > terms.MaxQueuedBytes;
        if (isFull) return new AcceptResult(AcceptStatus.QueueFull, accepted.Id);

        var added = new ModelEvent(accepted);
        if (IsHeld(accepted)) added.State = EventState.Held;
        var leased = added.State == EventState.Ready && terms.Lease is { } offered && (!offered.Session.NeedsClaim || offered.Session == _claim) && !Ready.Any();
        if (leased) added.Lease(terms.Lease!.Value.Session, accepted.AcceptedAt, terms.Lease.Value.Until);
        if (key is not null) _keys[key] = (accepted.Id, accepted.AcceptedAt + terms.IdempotencyWindow);
        _events.Add(added);
        return new AcceptResult(leased ? AcceptStatus.Leased : AcceptStatus.Ready, accepted.Id);
    }

    /// <summary>Whether an older one with its ordering key is not settled.</summary>
    private bool IsHeld(NewEvent accepted) => accepted.OrderingKey is { } key && Unsettled.Any(one => key.AsSpan().SequenceEqual(one.Accepted.OrderingKey));

    /// <summary>An event has been settled.</summary>
    private void ReleaseNext(ModelEvent settled)
    {
        var next = settled.Accepted.OrderingKey is { } key ? Unsettled.FirstOrDefault(one => key.AsSpan().SequenceEqual(one.Accepted.OrderingKey)) : null;
        if (next is { State: EventState.Held }) next.State = EventState.Ready;
    }

    public LeaseResult Lease(LeaseRequest request)
    {
        if (request.Session.NeedsClaim && (_claim ??= request.Session) != request.Session) return LeaseResult.NotYours;

        // Both sorts are stable: of one moment, the older event comes first.
        var inTurn = DueAt(request.Now).OrderBy(one => one.Due).Concat(Ready).ToList();
        List<LeasedEvent> handedOut = [];
        var bytes = 0L;
        foreach (var one in inTurn)
        {
            if (handedOut.Count == request.MaxEvents || (bytes >= request.MaxBytes && handedOut.Count > 0)) break;
            bytes += one.Accepted.SizeBytes;
            handedOut.Add(HandOut(one, request));
        }

        var more = Ready.Any() || DueAt(request.Now).Any();
        var next = _events.Where(one => one.HasDueTime).Min(one => (DateTimeOffset?)one.Due);
        return new LeaseResult(handedOut, more, more ? null : next, Superseded: false);
    }

    public IReadOnlyList<SettleResult> Settle(IReadOnlyList<Settlement> settlements, DateTimeOffset now) =>
        [.. settlements.Select(settlement => Settle(settlement, now))];

    public IReadOnlyList<bool> Extend(SessionId session, IReadOnlyList<EventId> ids, DateTimeOffset until)
    {
        var moved = ids.Select(id => _events.Find(one => one.Id == id && one.IsHeldBy(session))).ToList();
        foreach (var one in moved.OfType<ModelEvent>()) one.Due = until;
        return [.. moved.Select(one => one is not null)];
    }

    public ClaimResult TakeClaim(SessionId session, DateTimeOffset now)
    {
        _claim = session.NeedsClaim ? session : _claim;
        foreach (var one in _events.Where(one => session.NeedsClaim && one.State == EventState.Leased && one.Holder.IsConnection && !one.IsHeldBy(session)))
        {
            one.EndAttempt(AttemptOutcome.Released, reason: null, now);
            (one.State, one.Due) = (EventState.Waiting, now);
        }

        return new ClaimResult(Unsettled.Count(), [.. _gaps.OrderBy(gap => gap.Key).Select(gap => gap.Value)]);
    }

    public ExpireResult Expire(EventId before, DateTimeOffset now, int limit)
    {
        var over = Unsettled.Where(one => one.Id < before && (one.State != EventState.Leased || one.Due <= now)).OrderBy(one => one.Id).Take(limit).ToList();
        foreach (var one in over)
        {
            one.EndAttempt(AttemptOutcome.LeaseExpired, reason: null, one.Due);
            (one.State, one.SettledAt) = (EventState.Expired, now);
            AddToGap(GapReason.Expired, one);
            ReleaseNext(one);
        }

        return new ExpireResult([.. over.Select(one => one.Id)], Unsettled.Min(one => (EventId?)one.Id));
    }

    public void ForgetGaps(IEnumerable<Gap> told)
    {
        foreach (var gap in told)
        {
            if (_gaps.GetValueOrDefault(gap.Reason)?.Without(gap) is { } left) _gaps[gap.Reason] = left;
            else _gaps.Remove(gap.Reason);
        }
    }

    public StoredEvent? Find(EventId id) => _events.Find(one => one.Id == id)?.AsStored();

    /// <summary>Forgets what was settled long ago.</summary>
    public void Prune(DateTimeOffset now) => _events.RemoveAll(one =>
        one.IsSettled && one.SettledAt + (one.State == EventState.Delivered ? options.DeliveredRetention : options.DeadLetterRetention) <= now);

    private IEnumerable<ModelEvent> DueAt(DateTimeOffset now) => _events.Where(one => one.HasDueTime && one.Due <= now);

    private static LeasedEvent HandOut(ModelEvent one, LeaseRequest request)
    {
        if (one.State == EventState.Leased)
        {
            // The attempt ended when its deadline passed, not when that was found.
            one.EndAttempt(AttemptOutcome.LeaseExpired, reason: null, one.Due);
            // A lost connection counts once, a poll that was not finished every time.
            if (one.Holder.IsPoll || !one.LossCounted) one.Failures++;
            one.LossCounted |= !one.Holder.IsPoll;
        }

        one.Lease(request.Session, request.Now, request.Until);
        var accepted = one.Accepted;
        return new LeasedEvent(one.Id, accepted.AcceptedAt, accepted.Head, accepted.Body, one.Attempts, one.Failures, one.LossCounted);
    }

    private SettleResult Settle(Settlement settlement, DateTimeOffset now)
    {
        if (_events.Find(other => other.Id == settlement.Id) is not { } one) return SettleResult.Unknown;
        if (one.State == EventState.Delivered) return SettleResult.AlreadyDelivered;
        if (settlement.Kind != SettlementKind.Ack && !(one.IsHeldBy(settlement.Session) && (settlement.Attempt == 0 || settlement.Attempt == one.Attempts))) return SettleResult.NotHeld;

        one.EndAttempt(settlement.Outcome, settlement.Reason, now);
        if (settlement.Kind != SettlementKind.Ack) (one.Failures, one.LossCounted) = (settlement.Failures, settlement.LossCounted);
        one.State = settlement.Kind switch
        {
            SettlementKind.Ack => EventState.Delivered,
            SettlementKind.Retry => EventState.Waiting,
            SettlementKind.DeadLetter => EventState.Dead,
            _ => EventState.Expired,
        };
        if (settlement.Kind == SettlementKind.Retry) one.Due = settlement.DueAt;
        else one.SettledAt = now;
        if (Gap.Of(settlement.Kind, settlement.Outcome) is { } reason) AddToGap(reason, one);
        if (one.IsSettled) ReleaseNext(one);
        if (settlement.Kind == SettlementKind.Ack) KeepTheLatestDelivered();
        return SettleResult.Settled;
    }

    private void AddToGap(GapReason reason, ModelEvent one) =>
        _gaps[reason] = Gap.With(_gaps.GetValueOrDefault(reason), reason, one.Accepted.AcceptedAt);

    private void KeepTheLatestDelivered()
    {
        var keepsAny = options.DeliveredKept > 0 && options.DeliveredRetention > TimeSpan.Zero;
        var kept = _events.Where(one => one.State == EventState.Delivered).OrderBy(one => one.SettledAt).ToList();
        while (kept.Count > 0 && (!keepsAny || kept.Count > options.DeliveredKept || kept.Sum(one => one.Accepted.SizeBytes) > options.DeliveredKeptBytes))
        {
            _events.Remove(kept[0]);
            kept.RemoveAt(0);
        }
    }
}
