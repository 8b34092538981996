using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Storage.Embedded.Batches;

namespace Relay.Server.Storage.Embedded;

/// <summary>How events are handed out, and taken back by a claim.</summary>
internal static class Leasing
{
    public static LeaseResult Lease(this EmbeddedTables tables, RelayId agent, LeaseRequest request)
    {
        var queue = tables.Queues.FindOrAdd(agent);
        if (request.Session.NeedsClaim)
        {
            if (queue.Session is null) tables.Queues.Change(queue).Session = request.Session.Value;
            else if (queue.Session != request.Session.Value) return LeaseResult.NotYours;
        }

        var now = request.Now.ToUnixTimeMilliseconds();
        tables.UnbatchDue(queue, now);
        List<LeasedEvent> leased = [];
        var (events, bytes) = (0, 0L);
        bool IsFull() => events >= request.MaxEvents || bytes >= request.MaxBytes;
        bool Take(EventRow row)
        {
            (events, bytes) = (events + 1, bytes + row.SizeBytes);
            return IsFull();
        }

        void HandOut(List<EventRow> rows) => leased.AddRange(rows.ConvertAll(row => tables.HandOut(queue, row, request)));

        if (!IsFull()) HandOut(tables.Events.Due(queue.Number, now, Take));
        if (!IsFull()) tables.SaveReady(queue);
        while (!IsFull() && queue.Ready > 0)
        {
            var batch = tables.Batches.Ready.First(queue.Number);
            HandOut(tables.Events.Ready(queue.Number, before: batch?.Seq ?? long.MaxValue, Take));
            if (batch is not { } first || IsFull()) break;
            if (request.Session.NeedsClaim && events + first.Count <= request.MaxEvents && bytes + first.SizeBytes <= request.MaxBytes
                && tables.Batches.HasRoom(queue.Number, first.Count, first.SizeBytes))
            {
                leased.AddRange(tables.HandOut(queue, first, request));
                (events, bytes) = (events + first.Count, bytes + first.SizeBytes);
                continue;
            }

            if (request.Session.NeedsClaim && events >= (request.Enough ?? request.MaxEvents)) break;
            tables.Unbatch(queue, tables.Batches.Ready.Read(first.Key));
        }

        var next = tables.Events.NextDue(queue.Number);
        next = tables.Batches.NextDue(queue.Number) is { } batched && !(next <= batched) ? batched : next;
        var more = queue.Ready > 0 || next <= now;
        return new LeaseResult(leased, more, more || next is null ? null : DateTimeOffset.FromUnixTimeMilliseconds(next.Value), Superseded: false);
    }

    public static ClaimResult Claim(this EmbeddedTables tables, RelayId agent, SessionId session, DateTimeOffset now)
    {
        var queue = tables.Queues.FindOrAdd(agent);
        if (session.NeedsClaim) tables.TakeClaim(queue, session, now.ToUnixTimeMilliseconds());
        return new ClaimResult(queue.Unsettled, tables.Gaps.Of(queue.Number));
    }

    private static void TakeClaim(this EmbeddedTables tables, QueueRow queue, SessionId session, long due)
    {
        tables.Queues.Change(queue).Session = session.Value;
        tables.UnbatchAll(queue);
        foreach (var row in tables.Events.InState(queue.Number, EventState.Leased))
        {
            if (row.IsHeldBy(session) || !row.HolderSession.IsConnection) continue;
            tables.Events.Update(
                row with { State = EventState.Waiting, Due = due, Holder = null },
                row.EndAttempt(AttemptOutcome.Released, reason: null, due));
        }
    }

    public static IReadOnlyList<bool> Extend(
        this EmbeddedTables tables, RelayId agent, SessionId session, IReadOnlyList<EventId> ids, DateTimeOffset until)
    {
        var moved = new bool[ids.Count];
        if (tables.Queues.Find(agent) is not { } queue) return moved;
        for (var i = 0; i < moved.Length; i++)
        {
            tables.Unbatch(queue, ids[i]);
            if (tables.Events.Find(queue.Number, ids[i]) is not { } row || !row.IsHeldBy(session)) continue;
            tables.Events.Update(row with { Due = until.ToUnixTimeMilliseconds() }, ended: null);
            moved[i] = true;
        }

        return moved;
    }

    private static LeasedEvent HandOut(this EmbeddedTables tables, QueueRow queue, EventRow row, LeaseRequest request)
    {
        AttemptRecord? lost = null;
        var failures = row.Failures;
        if (row.State == EventState.Leased)
        {
            // The attempt ended when its deadline passed, not when that was found.
            lost = row.EndAttempt(AttemptOutcome.LeaseExpired, reason: null, row.Due);
            if (row.HolderSession.IsPoll || !row.LossCounted) failures++;
        }
        else if (row.State == EventState.Ready)
        {
            tables.Queues.Change(queue).Ready--;
        }

        var leased = row with
        {
            State = EventState.Leased,
            Due = request.Until.ToUnixTimeMilliseconds(),
            Attempts = row.Attempts + 1,
            Failures = failures,
            LossCounted = row.LossCounted || (lost is not null && !row.HolderSession.IsPoll),
            Holder = request.Session.Value,
            LeasedAt = request.Now.ToUnixTimeMilliseconds(),
        };
        tables.Events.Update(leased, lost);
        var (head, body) = tables.Events.Payload(row.Key);
        return new LeasedEvent(
            row.Id, DateTimeOffset.FromUnixTimeMilliseconds(row.AcceptedAt), head, body, leased.Attempts, leased.Failures, leased.LossCounted)
        {
            ReplyBy = row.ReplyBy is { } until ? DateTimeOffset.FromUnixTimeMilliseconds(until) : null,
        };
    }
}
