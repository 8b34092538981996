using Relay.Server.Admin;
using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <summary>One hash for all: by a key's hash its document.</summary>
internal sealed class RedisAdminKeyStore(RedisLanes lanes, RedisKeys keys) : IAdminKeyStore
{
    private RedisLane Lane => lanes.All[0];

    public Task AddAsync(AdminKeyRecord key) => RunAsync(database => database.HashSetAsync(keys.AdminKeys, key.KeyHash, AdminKeyDocument.Write(key)));

    public async Task<AdminKeyRecord?> FindAsync(byte[] keyHash) =>
        (byte[]?)await RunAsync(database => database.HashGetAsync(keys.AdminKeys, keyHash)) is { } document ? AdminKeyDocument.Read(document) : null;

    public async Task<IReadOnlyList<AdminKeyRecord>> ListAsync() =>
        [.. (await RunAsync(database => database.HashValuesAsync(keys.AdminKeys))).Select(static document => AdminKeyDocument.Read((byte[])document!))];

    public Task<bool> RemoveAsync(byte[] keyHash) => RunAsync(database => database.HashDeleteAsync(keys.AdminKeys, keyHash));

    private Task<T> RunAsync<T>(Func<IDatabase, Task<T>> command) => Lane.ExecuteAsync(command, CancellationToken.None);
}
