using Relay.Protocol;
using Relay.Server.Delivery;

namespace Relay.Server.Storage.Embedded;

/// <summary>How events come to their end, and are forgotten.</summary>
internal sealed class Settling(QueueTable queues, EventTable events, DeliveryOptions options)
{
    public IReadOnlyList<SettleResult> Settle(RelayId agent, IReadOnlyList<Settlement> settlements, DateTimeOffset now)
    {
        var results = new SettleResult[settlements.Count];
        var queue = queues.Find(agent);
        for (var i = 0; i < results.Length; i++)
        {
            results[i] = queue is null ? SettleResult.Unknown : Settle(queue, settlements[i], now.ToUnixTimeMilliseconds());
        }

        return results;
    }

    /// <summary>Forgets at most <paramref name="max"/> events and answers how many.</summary>
    public int Prune(DateTimeOffset now, int max)
    {
        var rows = events.Forgettable(now.ToUnixTimeMilliseconds(), max);
        foreach (var row in rows)
        {
            if (row.State == EventState.Delivered) Uncount(queues.OfNumber(row.Queue), row);
            events.Delete(row.Seq);
        }

        return rows.Count;
    }

    private SettleResult Settle(QueueRow queue, Settlement settlement, long now)
    {
        if (events.Find(queue.Number, settlement.Id) is not { } row) return SettleResult.Unknown;
        if (row.State == EventState.Delivered) return SettleResult.AlreadyDelivered;
        if (settlement.Kind != SettlementKind.Ack && !row.IsHeldBy(settlement.Session)) return SettleResult.NotHeld;

        // Late, with no lease to end, an acknowledgement adds nothing to the history.
        var ended = row.State == EventState.Leased ? row.EndAttempt(settlement.Outcome, settlement.Reason, now) : null;
        var free = row with { Holder = null };
        switch (settlement.Kind)
        {
            case SettlementKind.Ack:
                Leave(queue, row);
                Deliver(queue, free, ended, now);
                break;
            case SettlementKind.Retry:
                events.Update(Failed(free, settlement) with { State = EventState.Waiting, Due = settlement.DueAt.ToUnixTimeMilliseconds() }, ended);
                break;
            default:
                Leave(queue, row);
                var state = settlement.Kind == SettlementKind.Expire ? EventState.Expired : EventState.Dead;
                events.Update(Failed(free, settlement) with { State = state, Due = now + Milliseconds(options.DeadLetterRetention) }, ended);
                break;
        }

        return SettleResult.Settled;
    }

    private static EventRow Failed(EventRow row, Settlement settlement) =>
        row with { Failures = settlement.Failures, LossCounted = settlement.LossCounted };

    private void Leave(QueueRow queue, in EventRow row)
    {
        if (row.IsSettled) return;
        queues.Change(queue);
        queue.Unsettled--;
        queue.UnsettledBytes -= row.SizeBytes;
        if (row.State == EventState.Ready) queue.Ready--;
    }

    private void Deliver(QueueRow queue, in EventRow row, AttemptRecord? ended, long now)
    {
        if (options.DeliveredKept == 0 || options.DeliveredRetention == TimeSpan.Zero)
        {
            events.Delete(row.Seq);
            return;
        }

        events.Update(row with { State = EventState.Delivered, Due = now + Milliseconds(options.DeliveredRetention) }, ended);
        queues.Change(queue);
        queue.Delivered++;
        queue.DeliveredBytes += row.SizeBytes;
        while (queue.Delivered > options.DeliveredKept || queue.DeliveredBytes > options.DeliveredKeptBytes)
        {
            var oldest = events.InState(queue.Number, EventState.Delivered, static _ => true)[0];
            Uncount(queue, oldest);
            events.Delete(oldest.Seq);
        }
    }

    private void Uncount(QueueRow queue, in EventRow delivered)
    {
        queues.Change(queue);
        queue.Delivered--;
        queue.DeliveredBytes -= delivered.SizeBytes;
    }

    private static long Milliseconds(TimeSpan time) => (long)time.TotalMilliseconds;
}
