using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Storage;

namespace Relay.Server.Tests.Storage.Redis;

/// <summary>A crash is one of the store only, which is left to itself until the end; that of the cluster's servers has tests of its own.</summary>
internal sealed class ClusterStoreHarness(RedisCluster cluster) : IStoreHarness
{
    private readonly string _prefix = $"{RelayId.New()}:";
    private readonly List<RedisStore> _opened = [];

    public bool ForgetsByItself => true;

    public async Task<StoreUnderTest> OpenAsync(DeliveryOptions options)
    {
        var store = await RedisStore.StartAsync(cluster.ConnectionString, _prefix, options);
        _opened.Add(store);
        await Eventually.AsyncTrue(() => AnswersAsync(store));
        return new StoreUnderTest(store.Queue, store.Waits, store.Agents, store.Health, store.Log, store.Agenda, store.AdminKeys, store.Audit, store.Statistics);
    }

    /// <summary>Whether every connection to every server is there: on a busy machine some come late, and calls on them are given up.</summary>
    private static async Task<bool> AnswersAsync(RedisStore store)
    {
        try
        {
            await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => store.Agents.FindAsync(RelayId.New(), CancellationToken.None)));
            return await store.Health.CheckAsync(CancellationToken.None) is null;
        }
        catch (StoreUnavailableException)
        {
            return false;
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var store in _opened)
        {
            await store.DisposeAsync();
        }
    }
}
