using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Relay.Server.Delivery;
using Relay.Server.Storage;
using Relay.Server.Storage.Embedded;

namespace Relay.Server.Tests.Storage;

/// <summary>
/// The embedded store in a temporary folder. After a crash it goes on with a copy of the files as they were at that moment: what
/// a killed process leaves.
/// </summary>
internal sealed class EmbeddedHarness : IStoreHarness
{
    private readonly string _root = Directory.CreateTempSubdirectory("relay-test-").FullName;
    private readonly List<EmbeddedStore> _opened = [];

    private EmbeddedHarness()
    {
    }

    public bool ForgetsByItself => false;

    public EmbeddedStore Store => _opened[^1];

    /// <summary>The folder of the store that is open, or will be opened first.</summary>
    public string Folder => Path.Combine(_root, $"{Math.Max(1, _opened.Count)}");

    public string DatabasePath => Path.Combine(Folder, "relay.db");

    public static EmbeddedHarness New() => new();

    public Task<StoreUnderTest> OpenAsync(DeliveryOptions options)
    {
        var next = Path.Combine(_root, $"{_opened.Count + 1}");
        if (_opened.Count > 0)
        {
            Directory.CreateDirectory(next);
            foreach (var name in (string[])["relay.db", "relay.db-wal"]) File.Copy(Path.Combine(Folder, name), Path.Combine(next, name));
        }

        _opened.Add(Open(next, options));
        return Task.FromResult(Under(Store));
    }

    public static StoreUnderTest Under(EmbeddedStore store)
    {
        var waits = new SenderWaits(TimeProvider.System);
        return new(
            new EmbeddedDeliveryQueue(store, waits),
            waits,
            new EmbeddedAgentStore(store),
            new EmbeddedHealth(store),
            new EmbeddedAgentLog(store),
            new EmbeddedAgenda(store),
            new EmbeddedAdminKeyStore(store),
            new EmbeddedAuditLog(store),
            new EmbeddedStatisticsStore(store));
    }

    public static EmbeddedStore Open(string folder, DeliveryOptions? options = null, ILogger<EmbeddedStore>? logger = null) => new(
        Options.Create(new StorageOptions { Path = folder }),
        Options.Create(options ?? new DeliveryOptions()),
        logger ?? NullLogger<EmbeddedStore>.Instance);

    public async ValueTask DisposeAsync()
    {
        foreach (var store in _opened) await store.DisposeAsync();
        Directory.Delete(_root, recursive: true);
    }
}
