using System.Globalization;
using Relay.Protocol;
using Relay.Server.Operations.Statistics;
using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <summary>A hash of counts for each hour; the queues are measured agent by agent.</summary>
internal sealed class RedisStatisticsStore(RedisLanes lanes, RedisKeys keys) : IStatisticsStore
{
    /// <summary>Agents that are asked for side by side; between them others' calls have their turn.</summary>
    private const int AgentsAtATime = 500;
    private static readonly RedisValue[] QueueFields = ["events", "bytes"];

    private RedisLane Lane => lanes.All[0];

    public Task AddAsync(long hour, IReadOnlyDictionary<string, long> counts) => Lane.RunAsync(
        RedisScript.AddCounts, keys.Counts(hour), [(long)TimeSpan.FromHours(IStatisticsStore.HoursKept).TotalMilliseconds, .. counts.SelectMany(Pair)]);

    public async Task<IReadOnlyDictionary<string, long>> SumAsync(long fromHour, long toHour)
    {
        var hours = await Task.WhenAll(Enumerable.Range(0, (int)(toHour - fromHour) + 1).Select(passed =>
            Lane.ExecuteAsync(database => database.HashGetAllAsync(keys.Counts(fromHour + passed)), CancellationToken.None)));
        return hours.SelectMany(static hour => hour)
            .GroupBy(static count => (string)count.Name!, static count => (long)count.Value)
            .ToDictionary(static group => group.Key, static group => group.Sum());
    }

    public async Task<QueueTotals> MeasureQueuesAsync()
    {
        var (totals, last) = (new QueueTotals(0, 0, 0, 0), RedisValue.Null);
        RedisValue[] names;
        do
        {
            var from = last;
            names = await Lane.ExecuteAsync(
                database => database.SortedSetRangeByValueAsync(keys.AllAgents, from, exclude: Exclude.Start, take: AgentsAtATime), CancellationToken.None);
            foreach (var (events, bytes) in await Task.WhenAll(names.Select(MeasureAsync)))
            {
                totals = new QueueTotals(totals.Agents + 1, totals.Events + events, totals.Bytes + bytes, totals.AgentsWithEvents + (events > 0 ? 1 : 0));
            }

            last = names.LastOrDefault();
        }
        while (names.Length == AgentsAtATime);
        return totals;
    }

    private async Task<(long Events, long Bytes)> MeasureAsync(RedisValue name)
    {
        if (!RelayId.TryParse(name, out var agent))
        {
            return default;
        }

        var values = await lanes.For(agent).ExecuteAsync(database => database.HashGetAsync(keys.Agent(agent), QueueFields), CancellationToken.None);
        return ((long?)values[0] ?? 0, (long?)values[1] ?? 0);
    }

    private static RedisValue[] Pair(KeyValuePair<string, long> count) => [count.Key, count.Value.ToString(CultureInfo.InvariantCulture)];
}
