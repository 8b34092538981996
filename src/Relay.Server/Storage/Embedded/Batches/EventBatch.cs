using System.Buffers.Binary;
using System.Text;
using Relay.Server.Delivery;

namespace Relay.Server.Storage.Embedded.Batches;

/// <summary>
/// Events of one queue that were accepted in one transaction and are kept as one: a row, whatever their number. They were leased to one session
/// then; or became ready, one directly after the other, and are leased together later. The writer's thread only.
/// </summary>
internal sealed class EventBatch
{
    /// <summary>
    /// First halves of ids, as keys are, of events 20 ms apart: who looks for the batch of an event looks through those of so long before it.
    /// </summary>
    public const long MostApart = BatchRules.MostApartMs << 16;

    private readonly List<BatchedEvent> _events;
    private readonly List<long> _ackedAt;

    /// <summary>Until it is written.</summary>
    private List<(ReadOnlyMemory<byte> Head, ReadOnlyMemory<byte> Body)>? _payloads;

    /// <summary>The session that those have that are leased from the start; empty: none.</summary>
    private readonly string _firstSession;

    /// <summary>The lease of those that became ready, if they are leased.</summary>
    private BatchLease? _lease;

    /// <param name="queue">Whose.</param>
    /// <param name="session">To whom its events are leased; null: they are ready.</param>
    public EventBatch(long queue, string? session) =>
        (Queue, _firstSession, _events, _ackedAt, _payloads) = (queue, session ?? "", [], [], []);

    private EventBatch(long key, long queue, string firstSession, List<BatchedEvent> events, List<long> ackedAt, BatchLease? lease)
    {
        (Key, Queue, _firstSession, _events, _ackedAt, _lease) = (key, queue, firstSession, events, ackedAt, lease);
        SizeBytes = events.Sum(static one => one.SizeBytes);
        AckedCount = ackedAt.Count(static at => at != 0);
    }

    /// <summary>The first half of the oldest id.</summary>
    public long Key { get; private set; }

    /// <summary>The first half of the newest id.</summary>
    public long LastKey { get; private set; }

    public long Queue { get; }

    /// <summary>To whom its events are leased; null: they are ready.</summary>
    public string? Session => _firstSession.Length > 0 ? _firstSession : _lease?.Session;

    public bool IsReady => Session is null;

    /// <summary>Its lease, if its events became ready first.</summary>
    public BatchLease? Lease => _lease;

    public IReadOnlyList<BatchedEvent> Events => _events;

    public long SizeBytes { get; private set; }

    public int AckedCount { get; private set; }

    public bool IsAcked => AckedCount == _events.Count;

    /// <summary>Whether its row is there.</summary>
    public bool IsWritten => _payloads is null;

    /// <summary>When the first lease of those that are not acknowledged ends; null: all are.</summary>
    public long? NextDue
    {
        get
        {
            long? next = null;
            for (var i = 0; i < _events.Count; i++)
            {
                next = _ackedAt[i] == 0 && !(DueOf(i) >= next) ? DueOf(i) : next;
            }

            return next;
        }
    }

    /// <summary>When it is to be forgotten if all are acknowledged, else 0.</summary>
    /// <param name="retention">For how long it is kept, ms.</param>
    public long DeliveredDue(long retention) => IsAcked ? _ackedAt.Max() + retention : 0;

    public bool HasAckedBy(long time) => _ackedAt.Exists(at => at != 0 && at <= time);

    /// <summary>Unix ms; 0: not yet.</summary>
    public long AckedAt(int number) => _ackedAt[number];

    public bool HasRoom(long key, long sizeBytes, BatchRules rules) =>
        _events.Count < rules.MaxEvents && SizeBytes + sizeBytes <= rules.MaxBytes && Math.Max(key, LastKey) - Math.Min(key, Key) <= MostApart;

    public void Add(long key, in BatchedEvent one, NewEvent accepted)
    {
        Key = _events.Count == 0 ? key : Math.Min(key, Key);
        LastKey = Math.Max(key, LastKey);
        SizeBytes += one.SizeBytes;
        _events.Add(one);
        _ackedAt.Add(0);
        _payloads!.Add((accepted.Head, accepted.Body));
    }

    /// <summary>Leases its events, which are ready.</summary>
    public void HandOut(BatchLease lease) => _lease = lease;

    public void Acknowledge(int number, long at)
    {
        _ackedAt[number] = at;
        AckedCount++;
    }

    /// <summary>Of one that is not written yet.</summary>
    public (ReadOnlyMemory<byte> Head, ReadOnlyMemory<byte> Body) Payload(int number) => _payloads![number];

    /// <summary>Where its head begins in what <see cref="CopyPayloads"/> copies; its body follows.</summary>
    public int PlaceOf(int number)
    {
        var place = 0;
        for (var i = 0; i < number; i++)
        {
            place += _events[i].SizeBytes;
        }

        return place;
    }

    /// <summary>All heads and bodies, one behind the other.</summary>
    public void CopyPayloads(Span<byte> to)
    {
        foreach (var (head, body) in _payloads!)
        {
            head.Span.CopyTo(to);
            body.Span.CopyTo(to[head.Length..]);
            to = to[(head.Length + body.Length)..];
        }
    }

    public void Written() => _payloads = null;

    /// <summary>The event as a row of its own would have it.</summary>
    /// <param name="number">Which.</param>
    /// <param name="retention">For how long it is kept when it is delivered, ms.</param>
    public EventRow Row(int number, long retention)
    {
        var (one, ackedAt) = (_events[number], _ackedAt[number]);
        var row = new EventRow(
            Key: 0, one.Id, Queue, one.Seq, EventState.Ready, Due: 0, one.AcceptedAt, one.SizeBytes,
            Attempts: 0, Failures: 0, LossCounted: false, Holder: null, LeasedAt: 0, OrderingKey: null, ReplyBy: null);
        if (IsReady) return row;
        var leased = row with { State = EventState.Leased, Due = DueOf(number), Attempts = 1, Holder = Session, LeasedAt = _lease?.At ?? one.AcceptedAt };
        return ackedAt == 0 ? leased : leased with { State = EventState.Delivered, Due = ackedAt + retention };
    }

    /// <summary>How the only attempt ended; null: not yet.</summary>
    public AttemptRecord? Ended(int number) =>
        _ackedAt[number] is var at and not 0 ? Row(number, 0).EndAttempt(AttemptOutcome.Acked, reason: null, at) : null;

    /// <summary>What never changes: how long the name of the session is to which all are leased from the start, or 0, the name, each event.</summary>
    public byte[] Write()
    {
        var events = new byte[1 + Encoding.ASCII.GetByteCount(_firstSession) + (_events.Count * BatchedEvent.Length)];
        var at = 1 + Encoding.ASCII.GetBytes(_firstSession, events.AsSpan(1));
        events[0] = (byte)(at - 1);
        foreach (var one in _events)
        {
            one.Write(events.AsSpan(at));
            at += BatchedEvent.Length;
        }

        return events;
    }

    /// <summary>When each was acknowledged, or 0; null: none is.</summary>
    public byte[]? WriteAcked()
    {
        if (AckedCount == 0) return null;
        var acked = new byte[_ackedAt.Count * sizeof(long)];
        for (var i = 0; i < _ackedAt.Count; i++)
        {
            BinaryPrimitives.WriteInt64BigEndian(acked.AsSpan(i * sizeof(long)), _ackedAt[i]);
        }

        return acked;
    }

    /// <param name="key">Of the row.</param>
    /// <param name="queue">Of the row.</param>
    /// <param name="written">What <see cref="Write"/> made.</param>
    /// <param name="acked">What <see cref="WriteAcked"/> made; empty: null.</param>
    /// <param name="lease">What <see cref="BatchLease.Write"/> made; empty: there is none.</param>
    public static EventBatch Read(long key, long queue, ReadOnlySpan<byte> written, ReadOnlySpan<byte> acked, ReadOnlySpan<byte> lease)
    {
        var session = Encoding.ASCII.GetString(written.Slice(1, written[0]));
        var (events, ackedAt) = (new List<BatchedEvent>(), new List<long>());
        for (var at = 1 + written[0]; at < written.Length; at += BatchedEvent.Length)
        {
            events.Add(BatchedEvent.Read(written[at..]));
            ackedAt.Add(acked.IsEmpty ? 0 : BinaryPrimitives.ReadInt64BigEndian(acked[((events.Count - 1) * sizeof(long))..]));
        }

        return new EventBatch(key, queue, session, events, ackedAt, lease.IsEmpty ? null : BatchLease.Read(lease));
    }

    /// <summary>From a row of key, queue, events, acked and lease.</summary>
    public static EventBatch Read(SqliteStatement row) => Read(row.Number(0), row.Number(1), row.Blob(2), row.Blob(3), row.Blob(4));

    private long DueOf(int number) => _lease?.Until ?? _events[number].Due;
}
