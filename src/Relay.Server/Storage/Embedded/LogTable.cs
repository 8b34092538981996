using Relay.Protocol;
using Relay.Server.Activities;

namespace Relay.Server.Storage.Embedded;

/// <summary>Agents' logs: an entry a row, in the order in which they came.</summary>
internal sealed class LogTable(SqliteDatabase database)
{
    private readonly SqliteStatement _insert = database.Prepare("INSERT INTO agent_log(agent, entry) VALUES(?1, ?2)");
    private readonly SqliteStatement _read = database.Prepare("SELECT seq, entry FROM agent_log WHERE agent = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3");

    private readonly SqliteStatement _trim = database.Prepare("""
        DELETE FROM agent_log WHERE agent = ?1 AND seq <= (SELECT seq FROM agent_log WHERE agent = ?1 ORDER BY seq DESC LIMIT 1 OFFSET ?2)
        """);

    public void Append(RelayId agent, IReadOnlyList<byte[]> entries, int mostKept)
    {
        foreach (var entry in entries) _insert.Bind(1, agent.Value).BindBlob(2, entry).Execute();
        _trim.Bind(1, agent.Value).Bind(2, mostKept).Execute();
    }

    public List<(long Place, ActivityEntry Entry)> Read(RelayId agent, long before, int max)
    {
        List<(long Place, byte[] Entry)> rows = [];
        _read.Bind(1, agent.Value).Bind(2, before).Bind(3, max);
        while (_read.Step()) rows.Add((_read.Number(0), _read.Blob(1).ToArray()));
        return rows.ConvertAll(static row => (row.Place, ActivityJson.Read(row.Entry)));
    }
}
