using System.Buffers;
using Relay.Server.Delivery;
using SQLitePCL;

namespace Relay.Server.Storage.Embedded.Batches;

/// <summary>
/// The batches. Those that are leased and not acknowledged as a whole are live: they are in memory too, by their events: a queue's are read when it is first asked for, and
/// again after a rollback. What was changed is written once in a transaction, ready ones as soon as they are asked for. It keeps no counters: whoever changes a batch does.
/// </summary>
internal sealed class BatchTable(SqliteDatabase database, DeliveryOptions options)
{
    /// <summary>Of a queue that may be live at a time, acknowledged ones too: making all of them events of their own is one step.</summary>
    private const int MostLiveEvents = 2048;
    private const long MostLiveBytes = 4 << 20;

    private const int MaxCached = 100_000;

    private readonly SqliteStatement _insert = database.Prepare("INSERT INTO batches VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, NULL, NULL) ON CONFLICT(key) DO NOTHING");
    private readonly SqliteStatement _insertPayload = database.Prepare("INSERT INTO batch_payloads VALUES(?1, ?2, ?3)");
    private readonly SqliteStatement _update = database.Prepare("UPDATE batches SET due = ?2, acked = ?3, lease = ?4 WHERE key = ?1");
    private readonly SqliteStatement _delete = database.Prepare("DELETE FROM batches WHERE key = ?1");
    private readonly SqliteStatement _deletePayload = database.Prepare("DELETE FROM batch_payloads WHERE key = ?1");
    private readonly SqliteStatement _live = database.Prepare(
        "SELECT key, queue, events, acked, lease FROM batches INDEXED BY batches_live JOIN batch_payloads USING(key) WHERE queue = ?1 AND due = 0");
    private readonly SqliteStatement _queues = database.Prepare("SELECT DISTINCT queue FROM batches INDEXED BY batches_live WHERE due = 0 AND acked IS NOT NULL");
    private readonly SqliteStatement _delivered = database.Prepare(
        "SELECT key, queue, events, acked, lease FROM batches INDEXED BY batches_delivered JOIN batch_payloads USING(key) WHERE queue = ?1 AND due > 0");
    private readonly SqliteStatement _containing = database.Prepare(
        "SELECT key, queue, events, acked, lease FROM batches JOIN batch_payloads USING(key) WHERE key BETWEEN ?1 - ?2 AND ?1 AND last >= ?1 AND (?3 IS NULL OR queue = ?3)");
    private readonly SqliteStatement _earliest = database.Prepare(
        "SELECT key, count, size, due, seq FROM batches INDEXED BY batches_delivered WHERE queue = ?1 AND due > 0 ORDER BY due, seq LIMIT ?2");
    private readonly SqliteStatement _bodies = database.Prepare("SELECT bodies FROM batch_payloads WHERE key = ?1");
    private readonly SqliteStatement _payload = database.Prepare(
        "SELECT substr(bodies, ?2 + 1, ?3), substr(bodies, ?2 + ?3 + 1, ?4) FROM batch_payloads WHERE key = ?1");

    private readonly Dictionary<EventId, (EventBatch Batch, int Number)> _byEvent = [];

    /// <summary>Also of queues that have none.</summary>
    private readonly Dictionary<long, List<EventBatch>> _byQueue = [];

    /// <summary>Of each queue the batch that what is accepted in this transaction may join.</summary>
    private readonly Dictionary<long, EventBatch> _open = [];

    /// <summary>To be written: live ones.</summary>
    private readonly HashSet<EventBatch> _changed = [];

    /// <summary>To be written: ready ones.</summary>
    private readonly List<EventBatch> _unwritten = [];

    public BatchRules Rules { get; } = new(options);

    /// <summary>Those that are ready and written.</summary>
    public ReadyBatches Ready { get; } = new(database);

    /// <summary>Adds an event, leased to who holds the claim; false: it is to be one of its own.</summary>
    public bool TryAddLeased(QueueRow queue, NewEvent accepted, in BatchedEvent one)
    {
        var live = Load(queue.Number);
        if (_byEvent.ContainsKey(accepted.Id)) throw new SqliteFault(database.Path, raw.SQLITE_CONSTRAINT, "an event with this id is there already");

        var key = EventTable.KeyOf(accepted.Id.ToBytes());
        if (FindOpen(queue, queue.Session, key, one) is not { } batch)
        {
            if (!HasRoom(queue.Number, events: 1, sizeBytes: 0)) return false;
            batch = _open[queue.Number] = new EventBatch(queue.Number, queue.Session);
            live.Add(batch);
            _changed.Add(batch);
        }

        _byEvent.Add(accepted.Id, (batch, batch.Events.Count));
        batch.Add(key, one, accepted);
        return true;
    }

    /// <summary>Adds an event that is ready.</summary>
    public void AddReady(QueueRow queue, NewEvent accepted, in BatchedEvent one)
    {
        var key = EventTable.KeyOf(accepted.Id.ToBytes());
        if (FindOpen(queue, session: null, key, one) is not { } batch)
        {
            batch = _open[queue.Number] = new EventBatch(queue.Number, session: null);
            _unwritten.Add(batch);
        }

        batch.Add(key, one, accepted);
    }

    /// <summary>The queue got an event that is not in a batch: what is ready next is in another batch than what was before it.</summary>
    public void Close(QueueRow queue)
    {
        if (_open.TryGetValue(queue.Number, out var open) && open.IsReady) _open.Remove(queue.Number);
    }

    /// <summary>Whether so much more of a queue may be live.</summary>
    public bool HasRoom(long queue, int events, long sizeBytes)
    {
        var live = Load(queue);
        return live.Sum(static other => other.Events.Count) + events <= MostLiveEvents && live.Sum(static other => other.SizeBytes) + sizeBytes <= MostLiveBytes;
    }

    /// <summary>Leases a ready one.</summary>
    public void HandOut(EventBatch batch, BatchLease lease)
    {
        batch.HandOut(lease);
        AddLive(Load(batch.Queue), batch);
        Update(batch);
    }

    /// <summary>The event, in a live batch.</summary>
    public (EventBatch Batch, int Number)? FindLive(long queue, EventId id)
    {
        Load(queue);
        return _byEvent.TryGetValue(id, out var place) && place.Batch.Queue == queue ? place : null;
    }

    /// <summary>The event, in whichever batch.</summary>
    /// <param name="id">Of the event.</param>
    /// <param name="queue">Of which queue; null: of any.</param>
    public (EventBatch Batch, int Number)? Find(EventId id, long? queue)
    {
        if (queue is { } known)
        {
            Load(known);
        }

        if (_byEvent.TryGetValue(id, out var place))
        {
            return queue is null || place.Batch.Queue == queue ? place : null;
        }

        foreach (var batch in ReadAll(_containing.Bind(1, EventTable.KeyOf(id.ToBytes())).Bind(2, EventBatch.MostApart).BindOrNull(3, queue)))
        {
            for (var i = 0; i < batch.Events.Count; i++)
            {
                if (batch.Events[i].Id == id)
                {
                    return (batch, i);
                }
            }
        }

        return null;
    }

    /// <summary>A queue's live batches; a copy.</summary>
    public EventBatch[] LiveOf(long queue) => [.. Load(queue)];

    /// <summary>Live batches with an event that was acknowledged by then; a copy of some.</summary>
    public EventBatch[] AckedBy(long time, int max)
    {
        List<long> queues = [];
        while (_queues.Step()) queues.Add(_queues.Number(0));
        return [.. queues.SelectMany(Load).Where(batch => batch.HasAckedBy(time)).Take(max)];
    }

    /// <summary>The first id of what is in a batch of the queue and not acknowledged.</summary>
    public EventId? OldestUnsettled(long queue)
    {
        EventId? oldest = null;
        foreach (var batch in LiveOf(queue).Concat(Ready.Oldest(queue, new EventId(UInt128.MaxValue), max: 1)))
        {
            for (var i = 0; i < batch.Events.Count; i++)
            {
                oldest = batch.AckedAt(i) == 0 && !(batch.Events[i].Id > oldest) ? batch.Events[i].Id : oldest;
            }
        }

        return oldest;
    }

    /// <summary>When the first lease in a batch of the queue ends.</summary>
    public long? NextDue(long queue) => Load(queue).Min(static batch => batch.NextDue);

    public List<EventBatch> DeliveredOf(long queue) => ReadAll(_delivered.Bind(1, queue));

    /// <summary>A queue's delivered batches that are to be forgotten first, in that order.</summary>
    public List<DeliveredBatch> EarliestDelivered(long queue, int max)
    {
        List<DeliveredBatch> earliest = [];
        _earliest.Bind(1, queue).Bind(2, max);
        while (_earliest.Step())
        {
            earliest.Add(new DeliveredBatch(_earliest.Number(0), (int)_earliest.Number(1), _earliest.Number(2), _earliest.Number(3), _earliest.Number(4)));
        }

        return earliest;
    }

    /// <summary>All of a batch's heads and bodies, one behind the other.</summary>
    public byte[] Payloads(EventBatch batch)
    {
        if (!batch.IsWritten)
        {
            var unwritten = new byte[batch.SizeBytes];
            batch.CopyPayloads(unwritten);
            return unwritten;
        }

        _bodies.Bind(1, batch.Key).Step();
        var payloads = _bodies.Blob(0).ToArray();
        _bodies.Reset();
        return payloads;
    }

    public (byte[] Head, byte[] Body) Payload(EventBatch batch, int number)
    {
        var one = batch.Events[number];
        if (!batch.IsWritten)
        {
            var (head, body) = batch.Payload(number);
            return (head.ToArray(), body.ToArray());
        }

        _payload.Bind(1, batch.Key).Bind(2, batch.PlaceOf(number)).Bind(3, one.HeadBytes).Bind(4, one.BodyBytes).Step();
        var payload = (_payload.Blob(0).ToArray(), _payload.Blob(1).ToArray());
        _payload.Reset();
        return payload;
    }

    /// <summary>Answers whether it is so; false: the batch's events are to be events of their own, because another has its key.</summary>
    public bool Acknowledge(EventBatch batch, int number, long at)
    {
        batch.Acknowledge(number, at);
        _changed.Add(batch);
        if (!batch.IsAcked)
        {
            return true;
        }

        // What looks for it from now on looks at its row.
        Leave(batch);
        _changed.Remove(batch);
        return TrySave(batch);
    }

    /// <summary>Its events are others' business now.</summary>
    public void Remove(EventBatch batch)
    {
        Leave(batch);
        _changed.Remove(batch);
        if (batch.IsWritten)
        {
            Delete(batch.Key);
        }
    }

    public void Delete(long key)
    {
        _delete.Bind(1, key).Execute();
        _deletePayload.Bind(1, key).Execute();
    }

    /// <summary>Before what is ready is looked at. One event would be taken apart more often than a batch of it is worth.</summary>
    /// <param name="queue">Of which queue; null: of all.</param>
    /// <param name="alone">Gets a batch whose events are to be events of their own: it has one, or another has its key.</param>
    public void SaveReady(long? queue, Action<EventBatch> alone)
    {
        var others = 0;
        for (var i = 0; i < _unwritten.Count; i++)
        {
            var batch = _unwritten[i];
            if (queue is not null && batch.Queue != queue)
            {
                _unwritten[others++] = batch;
                continue;
            }

            _open.Remove(batch.Queue);
            if (batch.Events.Count == 1 || !TrySave(batch)) alone(batch);
        }

        _unwritten.RemoveRange(others, _unwritten.Count - others);
    }

    /// <summary>Before the transaction ends.</summary>
    /// <param name="alone">As in <see cref="SaveReady"/>.</param>
    public void SaveChanged(Action<EventBatch> alone)
    {
        SaveReady(queue: null, alone);
        _open.Clear();
        foreach (var batch in _changed.ToArray())
        {
            if (!TrySave(batch)) alone(batch);
        }

        _changed.Clear();
        if (_byQueue.Count > MaxCached) Forget();
    }

    /// <summary>What it remembers may be otherwise.</summary>
    public void Forget()
    {
        _open.Clear();
        _unwritten.Clear();
        _changed.Clear();
        _byEvent.Clear();
        _byQueue.Clear();
    }

    private bool TrySave(EventBatch batch)
    {
        if (!batch.IsWritten && !Insert(batch))
        {
            return false;
        }

        if (batch.IsAcked && Rules.DeliveredMs == 0)
        {
            Delete(batch.Key);
        }
        else if (batch.AckedCount > 0)
        {
            Update(batch);
        }

        return true;
    }

    private void Update(EventBatch batch) => _update.Bind(1, batch.Key).Bind(2, batch.DeliveredDue(Rules.DeliveredMs))
        .BindBlobOrNull(3, batch.WriteAcked()).BindBlobOrNull(4, batch.Lease?.Write()).Execute();

    private bool Insert(EventBatch batch)
    {
        _insert.Bind(1, batch.Key).Bind(2, batch.LastKey).Bind(3, batch.Queue).Bind(4, batch.Events[0].Seq).Bind(5, batch.Events.Count).Bind(6, batch.SizeBytes)
            .Bind(7, batch.IsReady ? -1 : 0).Execute();
        if (database.Changes == 0)
        {
            return false;
        }

        var bodies = ArrayPool<byte>.Shared.Rent((int)batch.SizeBytes);
        batch.CopyPayloads(bodies);
        _insertPayload.Bind(1, batch.Key).BindBlob(2, batch.Write()).BindBlob(3, bodies.AsSpan(0, (int)batch.SizeBytes)).Execute();
        ArrayPool<byte>.Shared.Return(bodies);
        batch.Written();
        return true;
    }

    /// <summary>A queue's live batches.</summary>
    private List<EventBatch> Load(long queue)
    {
        if (_byQueue.TryGetValue(queue, out var batches))
        {
            return batches;
        }

        batches = [];
        foreach (var batch in ReadAll(_live.Bind(1, queue))) AddLive(batches, batch);
        return _byQueue[queue] = batches;
    }

    private void AddLive(List<EventBatch> live, EventBatch batch)
    {
        live.Add(batch);
        for (var i = 0; i < batch.Events.Count; i++)
        {
            _byEvent[batch.Events[i].Id] = (batch, i);
        }
    }

    /// <summary>The batch that an event of that session may join.</summary>
    private EventBatch? FindOpen(QueueRow queue, string? session, long key, in BatchedEvent one) =>
        _open.TryGetValue(queue.Number, out var open) && open.Session == session && open.HasRoom(key, one.SizeBytes, Rules) ? open : null;

    private void Leave(EventBatch batch)
    {
        foreach (var one in batch.Events)
        {
            _byEvent.Remove(one.Id);
        }

        if (_byQueue.TryGetValue(batch.Queue, out var live)) live.Remove(batch);
        if (_open.TryGetValue(batch.Queue, out var open) && open == batch)
        {
            _open.Remove(batch.Queue);
        }
    }

    private static List<EventBatch> ReadAll(SqliteStatement statement)
    {
        List<EventBatch> batches = [];
        while (statement.Step())
        {
            batches.Add(EventBatch.Read(statement));
        }

        return batches;
    }
}

/// <summary>A batch that is to be forgotten.</summary>
internal readonly record struct DeliveredBatch(long Key, int Count, long SizeBytes, long Due, long Seq);
