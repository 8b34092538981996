using System.Buffers.Binary;
using System.Text.Json;
using Relay.Server.Delivery;
using SQLitePCL;

namespace Relay.Server.Storage.Embedded;

/// <summary>Events, their payloads and histories. It keeps no counters: whoever changes a state does.</summary>
internal sealed class EventTable(SqliteDatabase database)
{
    private const int MaxHistory = 100;
    private const string Columns = "key, id, queue, seq, state, due, accepted_at, size, attempts, failures, loss_counted, holder, leased_at, ordering_key, reply_by";

    private readonly SqliteStatement _insert = database.Prepare($"INSERT INTO events({Columns}) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15) ON CONFLICT(key) DO NOTHING");
    private readonly SqliteStatement _lowestKey = database.Prepare("SELECT min(key) FROM events");
    private readonly SqliteStatement _insertPayload = database.Prepare("INSERT INTO payloads VALUES(?1, ?2, ?3)");
    private readonly SqliteStatement _find = database.Prepare($"SELECT {Columns} FROM events WHERE key = ?1 AND id = ?2");
    private readonly SqliteStatement _findDisplaced = database.Prepare($"SELECT {Columns} FROM events INDEXED BY events_displaced WHERE id = ?2 AND key < 0");
    private readonly SqliteStatement _payload = database.Prepare("SELECT head, body FROM payloads WHERE key = ?1");
    private readonly SqliteStatement _head = database.Prepare("SELECT head FROM payloads WHERE key = ?1");
    private readonly SqliteStatement _history = database.Prepare("SELECT '[' || history || ']' FROM events WHERE key = ?1 AND history IS NOT NULL");
    private readonly SqliteStatement _delete = database.Prepare("DELETE FROM events WHERE key = ?1");
    private readonly SqliteStatement _deletePayload = database.Prepare("DELETE FROM payloads WHERE key = ?1");

    private readonly SqliteStatement _update = database.Prepare("""
        UPDATE events SET state = ?2, due = ?3, attempts = ?4, failures = ?5, loss_counted = ?6, holder = ?7, leased_at = ?8,
            history = CASE WHEN ?9 IS NULL THEN history ELSE ifnull(history || ',', '') || ?9 END
        WHERE key = ?1
        """);

    private readonly SqliteStatement _due = database.Prepare($"""
        SELECT {Columns} FROM events WHERE queue = ?1 AND state = 1 AND due <= ?2
        UNION ALL
        SELECT {Columns} FROM events WHERE queue = ?1 AND state = 2 AND due <= ?2
        ORDER BY due, seq
        """);

    private readonly SqliteStatement _nextDue = database.Prepare("""
        SELECT min(due) FROM (
            SELECT min(due) AS due FROM events WHERE queue = ?1 AND state = 1
            UNION ALL
            SELECT min(due) FROM events WHERE queue = ?1 AND state = 2)
        """);

    private readonly SqliteStatement _inState = database.Prepare($"SELECT {Columns} FROM events WHERE queue = ?1 AND state = ?2 ORDER BY due, seq");

    private readonly SqliteStatement _ready = database.Prepare($"SELECT {Columns} FROM events WHERE queue = ?1 AND state = 0 AND due = 0 AND seq < ?2 ORDER BY seq");

    private readonly SqliteStatement _earliestDue = database.Prepare("SELECT key, size, due, seq FROM events WHERE queue = ?1 AND state = ?2 ORDER BY due, seq LIMIT ?3");

    // Few are leased and not many delivered are kept, so these are sorted when asked for; what may be many has an index.
    private readonly SqliteStatement _newestOfFew = database.Prepare(
        $"SELECT {Columns} FROM events WHERE queue = ?1 AND state = ?4 AND id < ?2 ORDER BY id DESC LIMIT ?3");

    private readonly SqliteStatement _newestInState = database.Prepare(
        $"SELECT {Columns} FROM events INDEXED BY events_listed WHERE queue = ?1 AND state = ?4 AND state NOT IN (1, 4) AND id < ?2 ORDER BY id DESC LIMIT ?3");

    private readonly SqliteStatement _oldestInState = database.Prepare(
        $"SELECT {Columns} FROM events INDEXED BY events_listed WHERE queue = ?1 AND state = ?4 AND state NOT IN (1, 4) AND id < ?2 ORDER BY id LIMIT ?3");

    private readonly SqliteStatement _firstOfKey = database.Prepare(
        $"SELECT {Columns} FROM events INDEXED BY events_ordered WHERE queue = ?1 AND ordering_key = ?2 AND state < 4 ORDER BY seq LIMIT 1");

    private readonly SqliteStatement _oldestOverdue = database.Prepare(
        $"SELECT {Columns} FROM events WHERE queue = ?1 AND state = 1 AND due <= ?4 AND id < ?2 ORDER BY id LIMIT ?3");

    private readonly SqliteStatement _oldestLeft = database.Prepare("""
        SELECT min(id) FROM (
            SELECT min(id) AS id FROM events INDEXED BY events_listed WHERE queue = ?1 AND state = 0 AND state NOT IN (1, 4)
            UNION ALL
            SELECT min(id) FROM events WHERE queue = ?1 AND state = 1
            UNION ALL
            SELECT min(id) FROM events INDEXED BY events_listed WHERE queue = ?1 AND state = 2 AND state NOT IN (1, 4)
            UNION ALL
            SELECT min(id) FROM events INDEXED BY events_listed WHERE queue = ?1 AND state = 3 AND state NOT IN (1, 4))
        """);

    /// <summary>Adds an event, under a key of its own, which is answered.</summary>
    public long Add(in EventRow row, ReadOnlySpan<byte> head, ReadOnlySpan<byte> body)
    {
        var id = row.Id.ToBytes();
        var key = KeyOf(id);
        if (!Insert(key, id, row))
        {
            if (Find(row.Id) is not null) throw new SqliteFault(database.Path, raw.SQLITE_CONSTRAINT, "an event with this id is there already");
            key = Math.Min(LowestKey(), 0) - 1;
            Insert(key, id, row);
        }

        _insertPayload.Bind(1, key).BindBlob(2, head).BindBlob(3, body).Execute();
        return key;
    }

    public EventRow? Find(long queue, EventId id) => Find(id) is { } row && row.Queue == queue ? row : null;

    public EventRow? Find(EventId id)
    {
        var bytes = id.ToBytes();
        return Find(_find, bytes) ?? Find(_findDisplaced, bytes);
    }

    /// <summary>Writes what can change, and adds <paramref name="ended"/> to the history.</summary>
    public void Update(in EventRow row, AttemptRecord? ended)
    {
        var history = ended is { Number: <= MaxHistory } ? JsonSerializer.SerializeToUtf8Bytes(ended, AttemptJson.Default.AttemptRecord) : [];
        _update.Bind(1, row.Key).Bind(2, (int)row.State).Bind(3, row.Due).Bind(4, row.Attempts).Bind(5, row.Failures).Bind(6, row.LossCounted ? 1 : 0)
            .Bind(7, row.Holder).Bind(8, row.LeasedAt).BindUtf8(9, history).Execute();
    }

    public void Delete(long key)
    {
        _delete.Bind(1, key).Execute();
        _deletePayload.Bind(1, key).Execute();
    }

    public (byte[] Head, byte[] Body) Payload(long key)
    {
        _payload.Bind(1, key).Step();
        var payload = (_payload.Blob(0).ToArray(), _payload.Blob(1).ToArray());
        _payload.Reset();
        return payload;
    }

    public byte[] Head(long key)
    {
        _head.Bind(1, key).Step();
        var head = _head.Blob(0).ToArray();
        _head.Reset();
        return head;
    }

    public IReadOnlyList<AttemptRecord> History(long key)
    {
        if (!_history.Bind(1, key).Step()) return [];
        var history = JsonSerializer.Deserialize(_history.Blob(0), AttemptJson.Default.IReadOnlyListAttemptRecord)!;
        _history.Reset();
        return history;
    }

    /// <summary>What is waiting or leased and due, earliest first, until <paramref name="enough"/> says so.</summary>
    public List<EventRow> Due(long queue, long now, Predicate<EventRow> enough) => ReadUntil(_due.Bind(1, queue).Bind(2, now), enough);

    /// <summary>What is ready and was accepted before a place in the order, in that order, until <paramref name="enough"/> says so.</summary>
    public List<EventRow> Ready(long queue, long before, Predicate<EventRow> enough) => ReadUntil(_ready.Bind(1, queue).Bind(2, before), enough);

    /// <summary>Events in one state, in the order of their due times.</summary>
    public List<EventRow> InState(long queue, EventState state) => ReadUntil(_inState.Bind(1, queue).Bind(2, (int)state), static _ => false);

    /// <summary>Events in one state whose ids sort before <paramref name="before"/>, newest id first.</summary>
    public List<EventRow> Newest(long queue, EventState state, EventId before, int max)
    {
        var statement = state is EventState.Leased or EventState.Delivered ? _newestOfFew : _newestInState;
        return ReadUntil(statement.Bind(4, (int)state).Bind(1, queue).BindBlob(2, before.ToBytes()).Bind(3, max), static _ => false);
    }

    /// <summary>What sorts before an id and nobody works on at that time, oldest first.</summary>
    public List<EventRow> OldestUnsettled(long queue, EventId before, long now, int max)
    {
        List<EventRow> Oldest(SqliteStatement from, long which) =>
            ReadUntil(from.Bind(1, queue).BindBlob(2, before.ToBytes()).Bind(3, max).Bind(4, which), static _ => false);

        return
        [
            .. Oldest(_oldestOverdue, now)
                .Concat(Oldest(_oldestInState, (int)EventState.Ready))
                .Concat(Oldest(_oldestInState, (int)EventState.Waiting))
                .Concat(Oldest(_oldestInState, (int)EventState.Held))
                .OrderBy(static row => row.Id)
                .Take(max),
        ];
    }

    /// <summary>The first event with an ordering key that is not settled.</summary>
    public EventRow? FirstOfKey(long queue, ReadOnlySpan<byte> orderingKey)
    {
        if (!_firstOfKey.Bind(1, queue).BindBlob(2, orderingKey).Step()) return null;
        var row = Read(_firstOfKey);
        _firstOfKey.Reset();
        return row;
    }

    /// <summary>The first id of what is not settled.</summary>
    public EventId? OldestUnsettled(long queue)
    {
        _oldestLeft.Bind(1, queue).Step();
        EventId? oldest = _oldestLeft.IsNull(0) ? null : EventId.FromBytes(_oldestLeft.Blob(0));
        _oldestLeft.Reset();
        return oldest;
    }

    /// <summary>The earliest due time of what is waiting or leased.</summary>
    public long? NextDue(long queue)
    {
        _nextDue.Bind(1, queue).Step();
        long? due = _nextDue.IsNull(0) ? null : _nextDue.Number(0);
        _nextDue.Reset();
        return due;
    }

    /// <summary>The events in one state that come due first, in that order.</summary>
    public List<(long Key, long SizeBytes, long Due, long Seq)> EarliestDue(long queue, EventState state, long max)
    {
        List<(long Key, long SizeBytes, long Due, long Seq)> earliest = [];
        _earliestDue.Bind(1, queue).Bind(2, (int)state).Bind(3, max);
        while (_earliestDue.Step()) earliest.Add((_earliestDue.Number(0), _earliestDue.Number(1), _earliestDue.Number(2), _earliestDue.Number(3)));
        return earliest;
    }

    /// <summary>The first half of an id.</summary>
    public static long KeyOf(ReadOnlySpan<byte> id) => BinaryPrimitives.ReadInt64BigEndian(id) & long.MaxValue;

    private bool Insert(long key, ReadOnlySpan<byte> id, in EventRow row)
    {
        _insert.Bind(1, key).BindBlob(2, id).Bind(3, row.Queue).Bind(4, row.Seq).Bind(5, (int)row.State).Bind(6, row.Due)
            .Bind(7, row.AcceptedAt).Bind(8, row.SizeBytes).Bind(9, row.Attempts).Bind(10, row.Failures).Bind(11, row.LossCounted ? 1 : 0)
            .Bind(12, row.Holder).Bind(13, row.LeasedAt).BindBlobOrNull(14, row.OrderingKey).BindOrNull(15, row.ReplyBy).Execute();
        return database.Changes > 0;
    }

    private long LowestKey()
    {
        _lowestKey.Step();
        var lowest = _lowestKey.Number(0);
        _lowestKey.Reset();
        return lowest;
    }

    private static EventRow? Find(SqliteStatement statement, ReadOnlySpan<byte> id)
    {
        if (!statement.Bind(1, KeyOf(id)).BindBlob(2, id).Step()) return null;
        var row = Read(statement);
        statement.Reset();
        return row;
    }

    /// <summary>Reads into a list first, because the rows are changed next.</summary>
    private static List<EventRow> ReadUntil(SqliteStatement statement, Predicate<EventRow> enough)
    {
        var rows = new List<EventRow>();
        while (statement.Step())
        {
            var row = Read(statement);
            rows.Add(row);
            if (!enough(row)) continue;
            statement.Reset();
            break;
        }

        return rows;
    }

    private static EventRow Read(SqliteStatement row) => new(
        row.Number(0), EventId.FromBytes(row.Blob(1)), row.Number(2), row.Number(3), (EventState)row.Number(4), row.Number(5), row.Number(6), row.Number(7),
        (int)row.Number(8), (int)row.Number(9), row.Number(10) != 0, row.Text(11), row.Number(12), row.IsNull(13) ? null : row.Blob(13).ToArray(),
        row.IsNull(14) ? null : row.Number(14));
}
