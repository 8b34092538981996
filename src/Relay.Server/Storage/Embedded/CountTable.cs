using Relay.Server.Operations.Statistics;

namespace Relay.Server.Storage.Embedded;

/// <summary>What was counted, by hour and name.</summary>
internal sealed class CountTable(SqliteDatabase database)
{
    private readonly SqliteStatement _add = database.Prepare("INSERT INTO counts VALUES(?1, ?2, ?3) ON CONFLICT DO UPDATE SET value = value + ?3");
    private readonly SqliteStatement _forget = database.Prepare("DELETE FROM counts WHERE hour < ?1");
    private readonly SqliteStatement _sum = database.Prepare("SELECT name, SUM(value) FROM counts WHERE hour BETWEEN ?1 AND ?2 GROUP BY name");
    private readonly SqliteStatement _queues = database.Prepare(
        "SELECT (SELECT COUNT(*) FROM agents), COALESCE(SUM(unsettled), 0), COALESCE(SUM(unsettled_bytes), 0), COUNT(*) FROM queues WHERE unsettled > 0");

    public void Add(long hour, IReadOnlyDictionary<string, long> counts, int hoursKept)
    {
        foreach (var (name, count) in counts) _add.Bind(1, hour).Bind(2, name).Bind(3, count).Execute();
        _forget.Bind(1, hour - hoursKept).Execute();
    }

    public Dictionary<string, long> Sum(long fromHour, long toHour)
    {
        Dictionary<string, long> sums = [];
        _sum.Bind(1, fromHour).Bind(2, toHour);
        while (_sum.Step()) sums[_sum.Text(0)!] = _sum.Number(1);
        return sums;
    }

    public QueueTotals MeasureQueues()
    {
        _queues.Step();
        var totals = new QueueTotals(_queues.Number(0), _queues.Number(1), _queues.Number(2), _queues.Number(3));
        _queues.Reset();
        return totals;
    }
}
