namespace Relay.Tests.Shared;

/// <summary>One test's own store: a folder of its own, or a key prefix of its own on the tests' one Redis.</summary>
internal sealed class StoreSetup : IAsyncDisposable
{
    private static readonly Task<RedisServer> SharedRedis = RedisServer.StartAsync();
    private readonly RedisServer? _redis;
    private readonly bool _ownsRedis;

    private StoreSetup(string kind, RedisServer? redis, bool ownsRedis)
    {
        (_redis, _ownsRedis) = (redis, ownsRedis);
        Settings["Relay:Storage:Kind"] = kind;
        if (redis is not null)
        {
            Settings["Relay:Storage:Redis"] = redis.ConnectionString;
            Settings["Relay:Storage:KeyPrefix"] = $"{Guid.NewGuid():n}:";
        }
    }

    public Dictionary<string, string?> Settings { get; } = [];

    public string Folder { get; } = Directory.CreateTempSubdirectory("relay-data-").FullName;

    /// <summary>For tests that break it: a server of their own.</summary>
    public RedisServer Redis => _redis!;

    public static async Task<StoreSetup> CreateAsync(string kind) =>
        new(kind, kind == "redis" ? await SharedRedis : null, ownsRedis: false);

    public static async Task<StoreSetup> CreateWithOwnRedisAsync() => new("redis", await RedisServer.StartAsync(), ownsRedis: true);

    /// <summary>Whether no server holds the data folder.</summary>
    public bool IsReleased()
    {
        try
        {
            using var held = new FileStream(Path.Combine(Folder, "relay.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>All bytes that the store keeps.</summary>
    public async Task<byte[]> DumpAsync()
    {
        using var all = new MemoryStream();
        if (_redis is not null)
        {
            await all.WriteAsync(_redis.ReadFiles());
        }

        foreach (var file in Directory.EnumerateFiles(Folder).Where(static file => !file.EndsWith(".lock", StringComparison.Ordinal)))
        {
            await using var content = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            await content.CopyToAsync(all);
        }

        return all.ToArray();
    }

    public async ValueTask DisposeAsync()
    {
        if (_ownsRedis)
        {
            await _redis!.DisposeAsync();
        }

        Directory.Delete(Folder, recursive: true);
    }
}
