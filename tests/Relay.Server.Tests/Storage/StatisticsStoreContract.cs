using System.Text;
using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Operations.Statistics;

namespace Relay.Server.Tests.Storage;

/// <summary>What every <see cref="IStatisticsStore"/> promises. A store derives a class and says how it is made.</summary>
public abstract class StatisticsStoreContract : IAsyncLifetime
{
    private const long Hour = 497_000;
    private IStoreHarness _harness = null!;
    private StoreUnderTest _store = null!;

    private protected abstract IStoreHarness CreateHarness();

    public async Task InitializeAsync()
    {
        _harness = CreateHarness();
        await OpenAsync();
    }

    public async Task DisposeAsync() => await _harness.DisposeAsync();

    [Fact]
    public async Task Counts_add_up_by_hour_also_after_a_crash()
    {
        Assert.Empty(await _store.Statistics.SumAsync(Hour - 24, Hour));
        await AddAsync(Hour, ("accepted", 2), ("dead", 1));
        await AddAsync(Hour, ("accepted", 3));
        await AddAsync(Hour - 24, ("accepted", 10));
        await AddAsync(Hour - 25, ("accepted", 100));
        await OpenAsync();

        var sums = await _store.Statistics.SumAsync(Hour - 24, Hour);
        Assert.Equal((15L, 1L), (sums["accepted"], sums["dead"]));
        Assert.Equal(5, (await _store.Statistics.SumAsync(Hour, Hour + 1))["accepted"]);
    }

    [Fact]
    public async Task The_queues_of_all_agents_are_measured()
    {
        Assert.Equal(new QueueTotals(0, 0, 0, 0), await _store.Statistics.MeasureQueuesAsync());
        const int Agents = 1003; // More than a page of any store.
        for (var i = 0; i < Agents; i++)
        {
            var agent = AgentStoreContract.NewAgent();
            await _store.Agents.AddAsync(agent, CancellationToken.None);
            if (i < 3)
            {
                await AcceptAsync(agent.Id, "12345");
                await AcceptAsync(agent.Id, "1");
            }
        }

        var totals = await _store.Statistics.MeasureQueuesAsync();
        Assert.Equal((Agents, 6, 3), ((int)totals.Agents, (int)totals.Events, (int)totals.AgentsWithEvents));
        Assert.Equal(3 * (6 + (2 * 2)), totals.Bytes);
    }

    private Task AddAsync(long hour, params (string Name, long Count)[] counts) =>
        _store.Statistics.AddAsync(hour, counts.ToDictionary(static one => one.Name, static one => one.Count));

    private Task<AcceptResult> AcceptAsync(RelayId agent, string body)
    {
        var now = DateTimeOffset.FromUnixTimeMilliseconds(1_790_000_000_000);
        var id = new EventIdSource(new FakeTimeProvider()).Next();
        return _store.Queue.AcceptAsync(
            new NewEvent(id, agent, now, "{}"u8.ToArray(), Encoding.UTF8.GetBytes(body), IdempotencyKey: null),
            new AcceptTerms(TimeSpan.Zero, MaxQueuedEvents: 100, MaxQueuedBytes: 1 << 20, Lease: null));
    }

    /// <summary>Opens the store; a second call crashes and reopens it.</summary>
    private async Task OpenAsync() => _store = await _harness.OpenAsync(new DeliveryOptions());
}
