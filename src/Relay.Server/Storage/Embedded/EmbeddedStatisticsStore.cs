using Relay.Server.Operations.Statistics;

namespace Relay.Server.Storage.Embedded;

internal sealed class EmbeddedStatisticsStore(EmbeddedStore store) : IStatisticsStore
{
    public Task AddAsync(long hour, IReadOnlyDictionary<string, long> counts) => store.Writer.RunAsync(tables =>
    {
        tables.Counts.Add(hour, counts, IStatisticsStore.HoursKept);
        return true;
    });

    public async Task<IReadOnlyDictionary<string, long>> SumAsync(long fromHour, long toHour) =>
        await store.Writer.RunAsync(tables => tables.Counts.Sum(fromHour, toHour));

    public Task<QueueTotals> MeasureQueuesAsync() => store.Writer.RunAsync(tables => tables.MeasureQueues());
}
