using Relay.Protocol;
using Relay.Server.Delivery;

namespace Relay.Server.Tests.Storage.Redis;

/// <summary>A crash is one of Redis too: it is killed, and the store that used it is left to itself until the end.</summary>
internal sealed class RedisStoreHarness(RedisServer server) : IStoreHarness
{
    private readonly string _prefix = $"{RelayId.New()}:";
    private readonly List<RedisStore> _opened = [];

    public bool ForgetsByItself => true;

    public async Task<StoreUnderTest> OpenAsync(DeliveryOptions options)
    {
        if (_opened.Count > 0)
        {
            await server.KillAsync();
            await server.RestartAsync();
        }

        var store = await RedisStore.StartAsync(server, _prefix, options);
        _opened.Add(store);

        // On a busy machine Redis may not have been there in time for the first try.
        await Eventually.AsyncTrue(async () => await store.Health.CheckAsync(CancellationToken.None) is null);
        return new StoreUnderTest(store.Queue, store.Waits, store.Agents, store.Health, store.Log, store.Agenda, store.AdminKeys, store.Audit, store.Statistics);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var store in _opened)
        {
            await store.DisposeAsync();
        }
    }

}
