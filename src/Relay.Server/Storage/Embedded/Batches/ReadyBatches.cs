namespace Relay.Server.Storage.Embedded.Batches;

/// <summary>The batches that are ready, as they are written: they may be very many, so none is kept in memory.</summary>
internal sealed class ReadyBatches(SqliteDatabase database)
{
    private readonly SqliteStatement _first = database.Prepare(
        "SELECT key, seq, count, size FROM batches INDEXED BY batches_ready WHERE queue = ?1 AND due < 0 ORDER BY seq LIMIT 1");
    private readonly SqliteStatement _byKey = database.Prepare("SELECT key, queue, events, acked, lease FROM batches JOIN batch_payloads USING(key) WHERE key = ?1");
    private readonly SqliteStatement _oldest = database.Prepare(
        "SELECT key, queue, events, acked, lease FROM batches INDEXED BY batches_queued JOIN batch_payloads USING(key) WHERE queue = ?1 AND due < 0 AND key <= ?2 ORDER BY key");
    private readonly SqliteStatement _newest = database.Prepare(
        "SELECT key, queue, events, acked, lease FROM batches INDEXED BY batches_queued JOIN batch_payloads USING(key) WHERE queue = ?1 AND due < 0 AND key <= ?2 ORDER BY key DESC");

    /// <summary>The batch that is to be handed out first of those that are ready.</summary>
    public ReadyBatch? First(long queue)
    {
        if (!_first.Bind(1, queue).Step()) return null;
        var first = new ReadyBatch(_first.Number(0), _first.Number(1), (int)_first.Number(2), _first.Number(3));
        _first.Reset();
        return first;
    }

    /// <summary>One of which it is known that it is there.</summary>
    public EventBatch Read(long key)
    {
        _byKey.Bind(1, key).Step();
        var batch = EventBatch.Read(_byKey);
        _byKey.Reset();
        return batch;
    }

    /// <summary>Ready batches with the first of the queue's ready events that sort before an id, as many as asked for.</summary>
    public List<EventBatch> Oldest(long queue, EventId before, int max) => Read(_oldest, queue, before, max, areNewest: false);

    /// <summary>Ready batches with the last of the queue's ready events that sort before an id, as many as asked for.</summary>
    public List<EventBatch> Newest(long queue, EventId before, int max) => Read(_newest, queue, before, max, areNewest: true);

    /// <summary>Reads in the order of keys until what follows cannot have an event that comes before the last of those asked for.</summary>
    private static List<EventBatch> Read(SqliteStatement statement, long queue, EventId before, int max, bool areNewest)
    {
        List<EventBatch> batches = [];
        PriorityQueue<long, long> nearest = new();
        statement.Bind(1, queue).Bind(2, EventTable.KeyOf(before.ToBytes()));
        while (statement.Step())
        {
            var next = EventBatch.Read(statement);
            if (nearest.Count == max && (areNewest ? nearest.Peek() > next.Key + EventBatch.MostApart : nearest.Peek() < next.Key))
            {
                statement.Reset();
                break;
            }

            batches.Add(next);
            foreach (var one in next.Events)
            {
                if (one.Id >= before) continue;
                var key = EventTable.KeyOf(one.Id.ToBytes());
                nearest.Enqueue(key, areNewest ? key : -key);
                if (nearest.Count > max) nearest.Dequeue();
            }
        }

        return batches;
    }
}

/// <summary>A batch that is to be handed out.</summary>
/// <param name="Seq">Of its first event.</param>
internal readonly record struct ReadyBatch(long Key, long Seq, int Count, long SizeBytes);
