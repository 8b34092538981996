using Relay.Protocol;

namespace Relay.Server.Storage.Embedded;

/// <summary>When agents are to be looked after, by kind.</summary>
internal sealed class AgendaTable(SqliteDatabase database)
{
    private readonly SqliteStatement _due = database.Prepare("SELECT agent FROM agenda WHERE kind = ?1 AND at <= ?2 ORDER BY at LIMIT ?3");
    private readonly SqliteStatement _set = database.Prepare("INSERT OR REPLACE INTO agenda VALUES(?1, ?2, ?3)");
    private readonly SqliteStatement _move = database.Prepare("UPDATE agenda SET at = ?4 WHERE kind = ?1 AND agent = ?2 AND at = ?3");
    private readonly SqliteStatement _remove = database.Prepare("DELETE FROM agenda WHERE kind = ?1 AND agent = ?2 AND at = ?3");

    public List<RelayId> Due(int kind, long now, int limit)
    {
        List<RelayId> agents = [];
        _due.Bind(1, kind).Bind(2, now).Bind(3, limit);
        while (_due.Step())
        {
            if (RelayId.TryParse(_due.Text(0), out var agent)) agents.Add(agent);
        }

        return agents;
    }

    public void Set(int kind, RelayId agent, long at) => _set.Bind(1, kind).Bind(2, agent.Value).Bind(3, at).Execute();

    public void Move(int kind, RelayId agent, long from, long to) => _move.Bind(1, kind).Bind(2, agent.Value).Bind(3, from).Bind(4, to).Execute();

    public void Remove(int kind, RelayId agent, long from) => _remove.Bind(1, kind).Bind(2, agent.Value).Bind(3, from).Execute();
}
