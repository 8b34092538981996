namespace Relay.Tests.Shared;

/// <summary>A slot on its way from one primary of a Redis Cluster to another, step by step as redis-cli does it.</summary>
internal sealed class SlotMove(int slot, RedisServer from, RedisServer to, IReadOnlyList<RedisServer> primaries)
{
    public async Task BeginAsync()
    {
        await DoAsync(to, $"CLUSTER SETSLOT {slot} IMPORTING {await RedisCluster.IdOfAsync(from)}");
        await DoAsync(from, $"CLUSTER SETSLOT {slot} MIGRATING {await RedisCluster.IdOfAsync(to)}");
    }

    /// <summary>The keys that have not moved.</summary>
    public Task<string[]> KeysLeftAsync() => from.ListAsync($"CLUSTER GETKEYSINSLOT {slot} 1000");

    public Task MoveAsync(IEnumerable<string> keys) => DoAsync(from, $"MIGRATE 127.0.0.1 {to.Port} \"\" 0 5000 KEYS {string.Join(' ', keys)}");

    /// <summary>Moves what is left, and tells everyone whose the slot is now.</summary>
    public async Task EndAsync()
    {
        if (await KeysLeftAsync() is { Length: > 0 } left)
        {
            await MoveAsync(left);
        }

        var owner = await RedisCluster.IdOfAsync(to);
        foreach (var server in primaries.OrderByDescending(server => server == to))
        {
            await DoAsync(server, $"CLUSTER SETSLOT {slot} NODE {owner}");
        }
    }

    private static async Task DoAsync(RedisServer server, string command) => Assert.Equal("+OK", await server.SendAsync(command));
}
