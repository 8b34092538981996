using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Storage.Embedded.Batches;

namespace Relay.Server.Storage.Embedded;

/// <summary>How events come to their end, and are forgotten.</summary>
internal static class Settling
{
    private static readonly EventState[] Settled = [EventState.Delivered, EventState.Dead, EventState.Expired];

    /// <summary>Answers also whether held events are ready now.</summary>
    public static (IReadOnlyList<SettleResult> Results, bool Released) Settle(
        this EmbeddedTables tables, RelayId agent, IReadOnlyList<Settlement> settlements, DateTimeOffset now)
    {
        var results = new SettleResult[settlements.Count];
        var released = false;
        var queue = tables.Queues.Find(agent);
        for (var i = 0; i < results.Length; i++)
        {
            results[i] = queue is null ? SettleResult.Unknown : tables.Settle(queue, settlements[i], now.ToUnixTimeMilliseconds(), ref released);
        }

        if (queue is not null) tables.MakeRoom(queue);
        return (results, released);
    }

    public static ExpireResult Expire(this EmbeddedTables tables, RelayId agent, EventId before, DateTimeOffset now, int limit)
    {
        if (tables.Queues.Find(agent) is not { } queue) return ExpireResult.Nothing;
        var at = now.ToUnixTimeMilliseconds();
        tables.UnbatchDue(queue, at);
        tables.SaveReady(queue);
        foreach (var batch in tables.Batches.Ready.Oldest(queue.Number, before, limit)) tables.Unbatch(queue, batch);
        var rows = tables.Events.OldestUnsettled(queue.Number, before, at, limit);
        foreach (var found in rows)
        {
            // It may have been held by one that expired just now.
            var row = found.State == EventState.Held ? tables.Events.Find(queue.Number, found.Id)!.Value : found;
            var ended = row.State == EventState.Leased ? row.EndAttempt(AttemptOutcome.LeaseExpired, reason: null, row.Due) : null;
            tables.GiveUp(queue, row, row with { State = EventState.Expired }, ended, at);
            tables.Gaps.Add(queue.Number, GapReason.Expired, row.AcceptedAt);
            tables.ReleaseNext(queue, row);
        }

        var left = tables.Events.OldestUnsettled(queue.Number);
        var leftBatched = tables.Batches.OldestUnsettled(queue.Number);
        return new ExpireResult(rows.ConvertAll(static row => row.Id), left is null || leftBatched < left ? leftBatched : left);
    }

    /// <summary>Forgets at most <paramref name="max"/> events, in as many queues at most; answers how many, and whether there may be more.</summary>
    public static (int Forgotten, bool MayBeMore) Prune(this EmbeddedTables tables, DateTimeOffset now, int max)
    {
        var forgotten = 0;
        for (var visited = 0; visited < max && forgotten < max; visited++)
        {
            if (tables.Queues.ToForget(now.ToUnixTimeMilliseconds()) is not { } queue) return (forgotten, false);
            forgotten += tables.Prune(queue, now.ToUnixTimeMilliseconds(), max - forgotten);
        }

        return (forgotten, true);
    }

    private static int Prune(this EmbeddedTables tables, QueueRow queue, long now, int max)
    {
        var forgotten = 0;
        long? next = null;
        foreach (var state in Settled)
        {
            foreach (var (key, sizeBytes, due, _) in tables.Events.EarliestDue(queue.Number, state, max + 1))
            {
                if (due > now || forgotten == max)
                {
                    next = Math.Min(next ?? due, due);
                    break;
                }

                if (state == EventState.Delivered) tables.ForgetDelivered(queue, key, sizeBytes);
                else tables.Events.Delete(key);
                forgotten++;
            }
        }

        foreach (var batch in tables.Batches.EarliestDelivered(queue.Number, max + 1))
        {
            if (batch.Due > now || forgotten >= max)
            {
                next = Math.Min(next ?? batch.Due, batch.Due);
                break;
            }

            tables.ForgetBatch(queue, batch);
            forgotten += batch.Count;
        }

        tables.Queues.ForgetFrom(queue, next);
        return forgotten;
    }

    private static SettleResult Settle(this EmbeddedTables tables, QueueRow queue, Settlement settlement, long now, ref bool released)
    {
        if (tables.Batches.FindLive(queue.Number, settlement.Id) is var (batch, number))
        {
            if (settlement is { Reason: null, AnswersSender: true }) return tables.Acknowledge(queue, batch, number, now);
            tables.Unbatch(queue, batch);
        }

        tables.SaveReady(queue);
        if (tables.Events.Find(queue.Number, settlement.Id) is not { } row)
        {
            if (tables.Batches.Find(settlement.Id, queue.Number) is not var (other, _)) return SettleResult.Unknown;
            if (!other.IsReady) return SettleResult.AlreadyDelivered;
            if (settlement.Kind != SettlementKind.Ack) return SettleResult.NotHeld;
            tables.Unbatch(queue, other);
            row = tables.Events.Find(queue.Number, settlement.Id)!.Value;
        }

        if (row.State == EventState.Delivered) return SettleResult.AlreadyDelivered;
        if (settlement.Kind != SettlementKind.Ack && !row.IsHeldBy(settlement)) return SettleResult.NotHeld;

        // A late acknowledgement finds no lease to end, and adds nothing to the history.
        var ended = row.State == EventState.Leased ? row.EndAttempt(settlement.Outcome, settlement.Reason, now) : null;
        if (settlement.Kind == SettlementKind.Ack)
        {
            tables.Leave(queue, row);
            tables.Deliver(queue, row with { Holder = null }, ended, now);
            released |= tables.ReleaseNext(queue, row);
            return SettleResult.Settled;
        }

        var failed = row with { Holder = null, Failures = settlement.Failures, LossCounted = settlement.LossCounted };
        if (settlement.Kind == SettlementKind.Retry)
        {
            tables.Events.Update(failed with { State = EventState.Waiting, Due = settlement.DueAt.ToUnixTimeMilliseconds() }, ended);
            return SettleResult.Settled;
        }

        tables.GiveUp(queue, row, failed with { State = settlement.Kind == SettlementKind.Expire ? EventState.Expired : EventState.Dead }, ended, now);
        if (Gap.Of(settlement.Kind, settlement.Outcome) is { } reason) tables.Gaps.Add(queue.Number, reason, row.AcceptedAt);
        released |= tables.ReleaseNext(queue, row);
        return SettleResult.Settled;
    }

    private static void GiveUp(this EmbeddedTables tables, QueueRow queue, in EventRow row, in EventRow givenUp, AttemptRecord? ended, long now)
    {
        tables.Leave(queue, row);
        tables.Keep(queue, givenUp with { Holder = null, Due = now + Milliseconds(tables.Options.DeadLetterRetention) }, ended);
    }

    private static void Leave(this EmbeddedTables tables, QueueRow queue, in EventRow row)
    {
        if (row.IsSettled) return;
        tables.Queues.Change(queue);
        queue.Unsettled--;
        queue.UnsettledBytes -= row.SizeBytes;
        if (row.State == EventState.Ready) queue.Ready--;
    }

    /// <summary>An event has been settled: the next one with its ordering key, if it was held, is ready.</summary>
    private static bool ReleaseNext(this EmbeddedTables tables, QueueRow queue, in EventRow settled)
    {
        if (settled.OrderingKey is null || tables.Events.FirstOfKey(queue.Number, settled.OrderingKey) is not { State: EventState.Held } next) return false;
        tables.Events.Update(next with { State = EventState.Ready }, ended: null);
        tables.Queues.Change(queue).Ready++;
        return true;
    }

    private static void Deliver(this EmbeddedTables tables, QueueRow queue, in EventRow row, AttemptRecord? ended, long now)
    {
        var options = tables.Options;
        if (options.DeliveredKept == 0 || options.DeliveredRetention == TimeSpan.Zero)
        {
            tables.Events.Delete(row.Key);
            return;
        }

        tables.KeepDelivered(queue, row with { State = EventState.Delivered, Due = now + Milliseconds(options.DeliveredRetention) }, ended);
    }

    /// <summary>Writes a delivered event, which is forgotten when it is due.</summary>
    public static void KeepDelivered(this EmbeddedTables tables, QueueRow queue, in EventRow delivered, AttemptRecord? ended)
    {
        tables.Keep(queue, delivered, ended);
        queue.Delivered++;
        queue.DeliveredBytes += delivered.SizeBytes;
    }

    /// <summary>Something settled is to be forgotten then.</summary>
    public static void ForgetFrom(this EmbeddedTables tables, QueueRow queue, long due)
    {
        if (queue.ForgetFrom is not { } first || due < first) tables.Queues.ForgetFrom(queue, due);
    }

    /// <summary>Writes a settled event, which is forgotten when it is due.</summary>
    private static void Keep(this EmbeddedTables tables, QueueRow queue, in EventRow settled, AttemptRecord? ended)
    {
        tables.Events.Update(settled, ended);
        tables.Queues.Change(queue);
        tables.ForgetFrom(queue, settled.Due);
    }

    /// <summary>Forgets the delivered events that are too many.</summary>
    public static void MakeRoom(this EmbeddedTables tables, QueueRow queue)
    {
        var options = tables.Options;
        bool IsFull() => queue.Delivered > options.DeliveredKept || queue.DeliveredBytes > options.DeliveredKeptBytes;
        while (IsFull())
        {
            // The earliest of both first, as long as the next of both is known. A batch goes as a whole.
            const int SomeBatches = 8;
            var someEvents = Math.Max(1, queue.Delivered - options.DeliveredKept);
            var batches = new Queue<DeliveredBatch>(tables.Batches.EarliestDelivered(queue.Number, SomeBatches));
            var events = new Queue<(long Key, long SizeBytes, long Due, long Seq)>(tables.Events.EarliestDue(queue.Number, EventState.Delivered, someEvents));
            var (areAllBatches, areAllEvents) = (batches.Count < SomeBatches, events.Count < someEvents);
            while (IsFull() && (batches.Count > 0 || areAllBatches) && (events.Count > 0 || areAllEvents) && batches.Count + events.Count > 0)
            {
                if (events.TryPeek(out var first) && !(batches.TryPeek(out var batch) && (batch.Due, batch.Seq).CompareTo((first.Due, first.Seq)) < 0))
                {
                    events.Dequeue();
                    tables.ForgetDelivered(queue, first.Key, first.SizeBytes);
                }
                else
                {
                    tables.ForgetBatch(queue, batches.Dequeue());
                }
            }
        }
    }

    private static void ForgetDelivered(this EmbeddedTables tables, QueueRow queue, long key, long sizeBytes)
    {
        tables.Events.Delete(key);
        tables.Queues.Change(queue);
        queue.Delivered--;
        queue.DeliveredBytes -= sizeBytes;
    }

    private static long Milliseconds(TimeSpan time) => (long)time.TotalMilliseconds;
}
