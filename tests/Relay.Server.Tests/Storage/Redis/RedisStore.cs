using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Relay.Server.Activities;
using Relay.Server.Admin;
using Relay.Server.Agents;
using Relay.Server.Audit;
using Relay.Server.Cluster;
using Relay.Server.Connections;
using Relay.Server.Delivery;
using Relay.Server.Limits;
using Relay.Server.Operations.Statistics;
using Relay.Server.Storage;
using Relay.Server.Storage.Redis;

namespace Relay.Server.Tests.Storage.Redis;

/// <summary>The Redis store as one process has it, its hosted services started.</summary>
internal sealed class RedisStore : IAsyncDisposable
{
    private readonly ServiceProvider _services;
    private readonly RecordedLogs _logs = new();

    private RedisStore(string redis, string prefix, DeliveryOptions options) => _services = new ServiceCollection()
        .AddLogging(logging => logging.AddProvider(_logs))
        .AddSingleton(TimeProvider.System)
        .AddSingleton<SenderWaits>()
        .AddSingleton<NodeIdentity>()
        .AddSingleton(Options.Create(new StorageOptions { Kind = "redis", Redis = redis, KeyPrefix = prefix }))
        .AddSingleton(Options.Create(options))
        .AddSingleton<ActivityFeed>()
        .AddRedisStore()
        .BuildServiceProvider(validateScopes: true);

    public IDeliveryQueue Queue => _services.GetRequiredService<IDeliveryQueue>();

    public SenderWaits Waits => _services.GetRequiredService<SenderWaits>();

    public IAgentStore Agents => _services.GetRequiredService<IAgentStore>();

    public IStoreHealth Health => _services.GetRequiredService<IStoreHealth>();

    public IAgentLog Log => _services.GetRequiredService<IAgentLog>();

    public IAgenda Agenda => _services.GetRequiredService<IAgenda>();

    public IAdminKeyStore AdminKeys => _services.GetRequiredService<IAdminKeyStore>();

    public IAuditLog Audit => _services.GetRequiredService<IAuditLog>();

    public IStatisticsStore Statistics => _services.GetRequiredService<IStatisticsStore>();

    public IPresenceStore Presence => _services.GetRequiredService<IPresenceStore>();

    public ISharedPermits Permits => _services.GetRequiredService<ISharedPermits>();

    public ISeatStore Seats => _services.GetRequiredService<ISeatStore>();

    public INodeRoster Roster => _services.GetRequiredService<INodeRoster>();

    public IEnumerable<string> Logged => _logs.Messages;

    public static Task<RedisStore> StartAsync(RedisServer server, string prefix = "relay:", DeliveryOptions? options = null) =>
        StartAsync(server.ConnectionString, prefix, options);

    public static async Task<RedisStore> StartAsync(string redis, string prefix = "relay:", DeliveryOptions? options = null)
    {
        var store = new RedisStore(redis, prefix, options ?? new DeliveryOptions());
        foreach (var service in store._services.GetServices<IHostedService>())
        {
            await service.StartAsync(CancellationToken.None);
        }

        return store;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var service in _services.GetServices<IHostedService>())
        {
            await service.StopAsync(CancellationToken.None);
        }

        await _services.DisposeAsync();
    }

    private sealed class RecordedLogs : ILoggerProvider, ILogger
    {
        public ConcurrentQueue<string> Messages { get; } = [];

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(LogLevel logLevel, Microsoft.Extensions.Logging.EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Messages.Enqueue(formatter(state, exception));

        public void Dispose()
        {
        }
    }
}
