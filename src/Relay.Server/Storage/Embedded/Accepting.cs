using Relay.Server.Delivery;
using Relay.Server.Storage.Embedded.Batches;
using SQLitePCL;

namespace Relay.Server.Storage.Embedded;

/// <summary>How an event comes in.</summary>
internal static class Accepting
{
    public static AcceptResult Accept(this EmbeddedTables tables, NewEvent accepted, AcceptTerms terms)
    {
        var queue = tables.Queues.FindOrAdd(accepted.Agent);
        var now = accepted.AcceptedAt.ToUnixTimeMilliseconds();
        if (accepted.IdempotencyKey is { } used && tables.Keys.Find(queue.Number, used, now) is { } first)
        {
            return new AcceptResult(AcceptStatus.Duplicate, first);
        }

        if (queue.Unsettled >= terms.MaxQueuedEvents || queue.UnsettledBytes + accepted.SizeBytes > terms.MaxQueuedBytes)
        {
            return new AcceptResult(AcceptStatus.QueueFull, accepted.Id);
        }

        var isHeld = accepted.OrderingKey is { } ordered && tables.Events.FirstOfKey(queue.Number, ordered) is not null;
        var canLease = !isHeld && queue.Ready == 0 && terms.Lease is { Session: var asking } && (!asking.NeedsClaim || asking.Value == queue.Session);
        var lease = canLease ? terms.Lease : null;
        if (tables.MayBeStored) tables.RefuseStored(accepted.Id);
        if (lease is null or { Session.NeedsClaim: true } && BatchRules.Takes(accepted))
        {
            var due = lease?.Until.ToUnixTimeMilliseconds() ?? 0;
            var one = new BatchedEvent(accepted.Id, queue.Accepted + 1, now, due, accepted.Head.Length, accepted.Body.Length);
            if (lease is null)
            {
                tables.Batches.AddReady(queue, accepted, one);
                return tables.Count(queue, accepted, terms, now, EventState.Ready);
            }

            if (tables.Batches.TryAddLeased(queue, accepted, one)) return tables.Count(queue, accepted, terms, now, EventState.Leased);
        }

        tables.Batches.Close(queue);
        var row = new EventRow(
            Key: 0, accepted.Id, queue.Number, Seq: queue.Accepted + 1, isHeld ? EventState.Held : EventState.Ready, Due: 0, AcceptedAt: now, accepted.SizeBytes,
            Attempts: 0, Failures: 0, LossCounted: false, Holder: null, LeasedAt: 0, accepted.OrderingKey, accepted.ReplyBy?.ToUnixTimeMilliseconds());
        if (lease is { } granted)
        {
            row = row with
            {
                State = EventState.Leased,
                Due = granted.Until.ToUnixTimeMilliseconds(),
                Attempts = 1,
                Holder = granted.Session.Value,
                LeasedAt = now,
            };
        }

        tables.Events.Add(row, accepted.Head.Span, accepted.Body.Span);
        return tables.Count(queue, accepted, terms, now, row.State);
    }

    /// <exception cref="SqliteFault">The event is there.</exception>
    private static void RefuseStored(this EmbeddedTables tables, EventId id)
    {
        tables.SaveReady(queue: null);
        if (tables.Events.Find(id) is not null || tables.Batches.Find(id, queue: null) is not null)
        {
            throw new SqliteFault(tables.Database.Path, raw.SQLITE_CONSTRAINT, "an event with this id is there already");
        }
    }

    private static AcceptResult Count(this EmbeddedTables tables, QueueRow queue, NewEvent accepted, AcceptTerms terms, long now, EventState state)
    {
        if (accepted.IdempotencyKey is { } key)
        {
            tables.Keys.Put(queue.Number, key, accepted.Id, now + (long)terms.IdempotencyWindow.TotalMilliseconds);
        }

        tables.Queues.Change(queue);
        queue.Accepted++;
        queue.Unsettled++;
        queue.UnsettledBytes += accepted.SizeBytes;
        if (state == EventState.Ready) queue.Ready++;
        return new AcceptResult(state == EventState.Leased ? AcceptStatus.Leased : AcceptStatus.Ready, accepted.Id);
    }
}
