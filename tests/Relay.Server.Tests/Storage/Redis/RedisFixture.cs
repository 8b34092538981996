namespace Relay.Server.Tests.Storage.Redis;

/// <summary>One Redis for the tests of the collection, which run one after the other.</summary>
public sealed class RedisFixture : IAsyncLifetime
{
    internal RedisServer Server { get; private set; } = null!;

    public async Task InitializeAsync() => Server = await RedisServer.StartAsync();

    public async Task DisposeAsync()
    {
        if (Server is { } server)
        {
            await server.DisposeAsync();
        }
    }
}

[CollectionDefinition("redis")]
public sealed class RedisTests : ICollectionFixture<RedisFixture>;
