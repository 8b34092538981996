using Relay.Protocol;

namespace Relay.Server.Storage.Embedded;

/// <summary>
/// The queues, each read once and then kept in memory; what changed is written once in a transaction. After a rollback all are read anew.
/// </summary>
internal sealed class QueueTable(SqliteDatabase database)
{
    private const int MaxCached = 100_000;

    private readonly SqliteStatement _find = database.Prepare(
        "SELECT number, session, ready, unsettled, unsettled_bytes, delivered, delivered_bytes FROM queues WHERE agent = ?1");
    private readonly SqliteStatement _agentOf = database.Prepare("SELECT agent FROM queues WHERE number = ?1");
    private readonly SqliteStatement _insert = database.Prepare("INSERT INTO queues VALUES(NULL, ?1, NULL, 0, 0, 0, 0, 0)");
    private readonly SqliteStatement _update = database.Prepare(
        "UPDATE queues SET session = ?2, ready = ?3, unsettled = ?4, unsettled_bytes = ?5, delivered = ?6, delivered_bytes = ?7 WHERE number = ?1");

    private readonly Dictionary<RelayId, QueueRow> _cached = [];
    private readonly List<QueueRow> _changed = [];

    public QueueRow? Find(RelayId agent)
    {
        if (_cached.TryGetValue(agent, out var queue)) return queue;
        if (!_find.Bind(1, agent.Value).Step()) return null;
        queue = new QueueRow(_find.Number(0))
        {
            Session = _find.Text(1),
            Ready = _find.Number(2),
            Unsettled = _find.Number(3),
            UnsettledBytes = _find.Number(4),
            Delivered = _find.Number(5),
            DeliveredBytes = _find.Number(6),
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

    /// <summary>The queue of an event that is there.</summary>
    public QueueRow OfNumber(long number) =>
        Find(AgentOf(number)) ?? throw new InvalidOperationException($"Queue {number} has events and no row.");

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
            _update.Bind(1, queue.Number).Bind(2, queue.Session).Bind(3, queue.Ready)
                .Bind(4, queue.Unsettled).Bind(5, queue.UnsettledBytes).Bind(6, queue.Delivered).Bind(7, queue.DeliveredBytes).Execute();
            queue.Changed = false;
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
