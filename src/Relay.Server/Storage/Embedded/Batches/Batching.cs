using Relay.Protocol;
using Relay.Server.Delivery;

namespace Relay.Server.Storage.Embedded.Batches;

/// <summary>How events get out of batches: whatever happens to one of them but an ack makes all of them events of their own.</summary>
internal static class Batching
{
    /// <summary>Those of the queue's batches in which a lease has ended.</summary>
    public static void UnbatchDue(this EmbeddedTables tables, QueueRow queue, long now)
    {
        foreach (var batch in tables.Batches.LiveOf(queue.Number))
        {
            if (batch.NextDue <= now) tables.Unbatch(queue, batch);
        }
    }

    /// <summary>Some of those in which an event was acknowledged so long ago that it is to be forgotten, while others are not; answers how many.</summary>
    public static int UnbatchForgettable(this EmbeddedTables tables, long now, int max)
    {
        var retention = tables.Batches.Rules.DeliveredMs;
        if (retention == 0) return 0; // They are forgotten already.
        var batches = tables.Batches.AckedBy(now - retention, max);
        foreach (var batch in batches) tables.Unbatch(batch);
        return batches.Length;
    }

    /// <summary>All of the queue's.</summary>
    public static void UnbatchAll(this EmbeddedTables tables, QueueRow queue)
    {
        foreach (var batch in tables.Batches.LiveOf(queue.Number)) tables.Unbatch(queue, batch);
    }

    /// <summary>The live one with that event, if it is in one.</summary>
    public static void Unbatch(this EmbeddedTables tables, QueueRow queue, EventId id)
    {
        if (tables.Batches.FindLive(queue.Number, id) is var (batch, _)) tables.Unbatch(queue, batch);
    }

    public static void Unbatch(this EmbeddedTables tables, QueueRow queue, EventBatch batch)
    {
        var retention = tables.Batches.Rules.DeliveredMs;
        ReadOnlySpan<byte> payloads = tables.Batches.Payloads(batch);
        for (var i = 0; i < batch.Events.Count; i++)
        {
            var (one, ended) = (batch.Events[i], batch.Ended(i));
            if (ended is null || retention > 0)
            {
                var row = batch.Row(i, retention);
                var key = tables.Events.Add(row, payloads[..one.HeadBytes], payloads[one.HeadBytes..one.SizeBytes]);
                if (ended is not null) tables.KeepDelivered(queue, row with { Key = key, Holder = null }, ended);
            }

            payloads = payloads[one.SizeBytes..];
        }

        tables.Batches.Remove(batch);
        tables.MakeRoom(queue);
    }

    /// <summary>Before what is ready is looked at, in one queue or in all.</summary>
    public static void SaveReady(this EmbeddedTables tables, QueueRow? queue)
    {
        if (queue is not { Ready: 0 }) tables.Batches.SaveReady(queue?.Number, tables.Unbatch);
    }

    /// <summary>Before the transaction ends.</summary>
    public static void SaveBatches(this EmbeddedTables tables) => tables.Batches.SaveChanged(tables.Unbatch);

    private static void Unbatch(this EmbeddedTables tables, EventBatch batch) => tables.Unbatch(tables.Queues.Find(tables.Queues.AgentOf(batch.Queue))!, batch);

    /// <summary>Leases a ready batch as a whole.</summary>
    public static List<LeasedEvent> HandOut(this EmbeddedTables tables, QueueRow queue, ReadyBatch ready, LeaseRequest request)
    {
        var batch = tables.Batches.Ready.Read(ready.Key);
        ReadOnlyMemory<byte> payloads = tables.Batches.Payloads(batch);
        tables.Batches.HandOut(batch, new BatchLease(request.Session.Value, request.Now.ToUnixTimeMilliseconds(), request.Until.ToUnixTimeMilliseconds()));
        tables.Queues.Change(queue).Ready -= ready.Count;
        List<LeasedEvent> leased = new(batch.Events.Count);
        foreach (var one in batch.Events)
        {
            leased.Add(new LeasedEvent(
                one.Id, DateTimeOffset.FromUnixTimeMilliseconds(one.AcceptedAt), payloads[..one.HeadBytes], payloads[one.HeadBytes..one.SizeBytes],
                Attempt: 1, Failures: 0, LossCounted: false));
            payloads = payloads[one.SizeBytes..];
        }

        return leased;
    }

    /// <summary>An event of a batch is acknowledged: it is delivered when all are.</summary>
    public static SettleResult Acknowledge(this EmbeddedTables tables, QueueRow queue, EventBatch batch, int number, long now)
    {
        var retention = tables.Batches.Rules.DeliveredMs;
        if (batch.AckedAt(number) != 0) return retention == 0 ? SettleResult.Unknown : SettleResult.AlreadyDelivered;

        tables.Queues.Change(queue);
        queue.Unsettled--;
        queue.UnsettledBytes -= batch.Events[number].SizeBytes;
        if (!tables.Batches.Acknowledge(batch, number, now))
        {
            tables.Unbatch(queue, batch);
        }
        else if (batch.IsAcked && retention > 0)
        {
            queue.Delivered += batch.Events.Count;
            queue.DeliveredBytes += batch.SizeBytes;
            tables.ForgetFrom(queue, batch.DeliveredDue(retention));
        }

        return SettleResult.Settled;
    }

    /// <summary>The event as it stands; null: it is delivered, and such are not kept.</summary>
    public static StoredEvent? FindBatched(this EmbeddedTables tables, RelayId agent, EventBatch batch, int number)
    {
        var retention = tables.Batches.Rules.DeliveredMs;
        var (row, ended) = (batch.Row(number, retention), batch.Ended(number));
        if (ended is not null && retention == 0) return null;
        var (head, body) = tables.Batches.Payload(batch, number);
        return new StoredEvent(
            row.Id, agent, row.State, DateTimeOffset.FromUnixTimeMilliseconds(row.AcceptedAt), head, body,
            row.Attempts, row.Failures, row.DueAt, ended is null ? [] : [ended]);
    }

    /// <summary>The queue's events in that state that are in batches and sort before an id: of those that are ready at least so many of the newest, else all.</summary>
    public static IEnumerable<(EventRow Row, EventBatch? Batch, int Number)> InBatches(
        this EmbeddedTables tables, QueueRow queue, EventState state, EventId before, int newest)
    {
        var retention = tables.Batches.Rules.DeliveredMs;
        IEnumerable<EventBatch> batches = state switch
        {
            EventState.Ready => tables.Batches.Ready.Newest(queue.Number, before, newest),
            EventState.Leased => tables.Batches.LiveOf(queue.Number),
            EventState.Delivered when retention > 0 => tables.Batches.LiveOf(queue.Number).Concat(tables.Batches.DeliveredOf(queue.Number)),
            _ => [],
        };
        return batches
            .SelectMany(batch => Enumerable.Range(0, batch.Events.Count).Select(number => (Row: batch.Row(number, retention), Batch: (EventBatch?)batch, Number: number)))
            .Where(one => one.Row.State == state && one.Row.Id < before);
    }

    /// <summary>The delivered batch is forgotten.</summary>
    public static void ForgetBatch(this EmbeddedTables tables, QueueRow queue, DeliveredBatch batch)
    {
        tables.Batches.Delete(batch.Key);
        tables.Queues.Change(queue);
        queue.Delivered -= batch.Count;
        queue.DeliveredBytes -= batch.SizeBytes;
    }
}
