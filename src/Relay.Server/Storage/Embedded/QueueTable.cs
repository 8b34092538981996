using Relay.Protocol;

namespace Relay.Server.Storage.Embedded;

/// <summary>
/// The queues, each read once and then kept in memory; what changed is written once in a transaction. After a rollback all are read anew.
/// </summary>
internal sealed class QueueTable(SqliteDatabase database)
{
    private const int MaxCached = 100_000;

    private readonly SqliteStatement _find = database.Prepare(
        "SELECT number, session, accepted, ready, unsettled, unsettled_bytes, delivered, delivered_bytes, forget_from FROM queues WHERE agent = ?1");
    private readonly SqliteStatement _agentOf = database.Prepare("SELECT agent FROM queues WHERE number = ?1");
    private readonly SqliteStatement _insert = database.Prepare("INSERT INTO queues VALUES(NULL, ?1, NULL, 0, 0, 0, 0, 0, 0, NULL)");
    private readonly SqliteStatement _update = database.Prepare(
        "UPDATE queues SET session = ?2, accepted = ?3, ready = ?4, unsettled = ?5, unsettled_bytes = ?6, delivered = ?7, delivered_bytes = ?8 WHERE number = ?1");
    private readonly SqliteStatement _updateForgetFrom = database.Prepare("UPDATE queues SET forget_from = ?2 WHERE number = ?1");
    private readonly SqliteStatement _toForget = database.Prepare("SELECT number FROM queues WHERE forget_from <= ?1 ORDER BY forget_from LIMIT 1");

    private readonly Dictionary<RelayId, QueueRow> _cached = [];
    private readonly List<QueueRow> _changed = [];

    public QueueRow? Find(RelayId agent)
    {
        if (_cached.TryGetValue(agent, out var queue)) return queue;
        if (!_find.Bind(1, agent.Value).Step()) return null;
        queue = new QueueRow(_find.Number(0))
        {
            Session = _find.Text(1),
            Accepted = _find.Number(2),
            Ready = _find.Number(3),
            Unsettled = _find.Number(4),
            UnsettledBytes = _find.Number(5),
            Delivered = _find.Number(6),
            DeliveredBytes = _find.Number(7),
            ForgetFrom = _find.IsNull(8) ? null : _find.Number(8),
        };
        _find.Reset();
        return _cached[agent] = queue;
    }

    public QueueRow FindOrAdd(RelayId agent)
    {
        if (Find(agent) is { } queue) return queue;
        _insert.Bind(1, agent.Value).Execute();
        return _cached[agent] = new QueueRow(database.LastInsertedRow);
    }

    /// <summary>A queue in which something may be to forget by now. What was changed before is written.</summary>
    public QueueRow? ToForget(long now)
    {
        SaveChanged();
        if (!_toForget.Bind(1, now).Step()) return null;
        var number = _toForget.Number(0);
        _toForget.Reset();
        return Find(AgentOf(number));
    }

    /// <summary>Says when something in the queue is next to be forgotten.</summary>
    public void ForgetFrom(QueueRow queue, long? time)
    {
        Change(queue).ForgetFrom = time;
        queue.ForgetFromChanged = true;
    }

    /// <summary>Whose queue that is.</summary>
    public RelayId AgentOf(long number)
    {
        _agentOf.Bind(1, number).Step();
        _ = RelayId.TryParse(_agentOf.Text(0), out var agent);
        _agentOf.Reset();
        return agent;
    }

    /// <summary>Says that the row is about to change.</summary>
    public QueueRow Change(QueueRow queue)
    {
        if (!queue.Changed)
        {
            queue.Changed = true;
            _changed.Add(queue);
        }

        return queue;
    }

    /// <summary>The last thing in a transaction.</summary>
    public void SaveChanged()
    {
        foreach (var queue in _changed)
        {
            _update.Bind(1, queue.Number).Bind(2, queue.Session).Bind(3, queue.Accepted).Bind(4, queue.Ready)
                .Bind(5, queue.Unsettled).Bind(6, queue.UnsettledBytes).Bind(7, queue.Delivered).Bind(8, queue.DeliveredBytes).Execute();
            if (queue.ForgetFromChanged) _updateForgetFrom.Bind(1, queue.Number).BindOrNull(2, queue.ForgetFrom).Execute();
            queue.Changed = queue.ForgetFromChanged = false;
        }

        _changed.Clear();
        if (_cached.Count > MaxCached) _cached.Clear();
    }

    public void Forget()
    {
        _changed.Clear();
        _cached.Clear();
    }
}
