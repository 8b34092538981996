using Relay.Server.Storage;

namespace Relay.Server.Operations.Statistics;

/// <summary>Where all nodes add up what they count. Every call may throw <see cref="StoreUnavailableException"/>. Any thread.</summary>
internal interface IStatisticsStore
{
    /// <summary>How many hours are kept, the present one among them.</summary>
    const int HoursKept = 25;

    /// <summary>Adds to the counts of an hour.</summary>
    /// <param name="hour">Hours since the Unix epoch.</param>
    /// <param name="counts">By name.</param>
    Task AddAsync(long hour, IReadOnlyDictionary<string, long> counts);

    /// <summary>The sums over all hours from that one to the other.</summary>
    Task<IReadOnlyDictionary<string, long>> SumAsync(long fromHour, long toHour);

    /// <summary>What the agents' queues hold now: costs a little for each agent.</summary>
    Task<QueueTotals> MeasureQueuesAsync();
}

/// <param name="Agents">How many there are, deactivated ones too.</param>
/// <param name="Events">Accepted and not settled: ready, held, leased or waiting.</param>
/// <param name="Bytes">Their bodies and heads.</param>
/// <param name="AgentsWithEvents">How many agents these are of.</param>
internal sealed record QueueTotals(long Agents, long Events, long Bytes, long AgentsWithEvents);
