namespace Relay.Server.Tests.Storage.Redis;

/// <summary>One Redis Cluster for the tests of the collection, which run one after the other.</summary>
public sealed class ClusterFixture : IAsyncLifetime
{
    internal RedisCluster Cluster { get; private set; } = null!;

    public async Task InitializeAsync() => Cluster = await RedisCluster.StartAsync();

    public async Task DisposeAsync()
    {
        if (Cluster is { } cluster)
        {
            await cluster.DisposeAsync();
        }
    }
}

[CollectionDefinition("cluster")]
public sealed class ClusterContractTests : ICollectionFixture<ClusterFixture>;
