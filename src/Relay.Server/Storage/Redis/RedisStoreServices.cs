using Relay.Server.Activities;
using Relay.Server.Admin;
using Relay.Server.Agents;
using Relay.Server.Audit;
using Relay.Server.Cluster;
using Relay.Server.Connections;
using Relay.Server.Delivery;
using Relay.Server.Limits;
using Relay.Server.Operations.Statistics;

namespace Relay.Server.Storage.Redis;

internal static class RedisStoreServices
{
    /// <summary>Keeps everything in Redis. Needs <see cref="StorageOptions"/>, <see cref="DeliveryOptions"/>, <see cref="SenderWaits"/> and a <see cref="TimeProvider"/>.</summary>
    public static IServiceCollection AddRedisStore(this IServiceCollection services) => services
        .AddSingleton<RedisKeys>()
        .AddSingleton<RedisLanes>()
        .AddSingleton<RedisConnector>()
        .AddSingleton<RedisSettingsCheck>()
        .AddSingleton<RedisEventSearch>()
        .AddSingleton<IDeliveryQueue, RedisDeliveryQueue>()
        .AddSingleton<IAgentStore, RedisAgentStore>()
        .AddSingleton<IAgentChanges, RedisAgentChanges>()
        .AddSingleton<IAgentLog, RedisAgentLog>()
        .AddSingleton<IAgenda, RedisAgenda>()
        .AddSingleton<IAdminKeyStore, RedisAdminKeyStore>()
        .AddSingleton<IAuditLog, RedisAuditLog>()
        .AddSingleton<IPresenceStore, RedisPresence>()
        .AddSingleton<RedisActivityExchange>()
        .AddSingleton<IActivityExchange>(static provider => provider.GetRequiredService<RedisActivityExchange>())
        .AddSingleton<INodeRoster, RedisNodeRoster>()
        .AddSingleton<IStatisticsStore, RedisStatisticsStore>()
        .AddSingleton<ISharedPermits, RedisPermits>()
        .AddSingleton<ISeatStore, RedisSeats>()
        .AddSingleton<SharedRateLimiter>()
        .AddSingleton<IRateLimiter>(static services => services.GetRequiredService<SharedRateLimiter>())
        .AddSingleton<IStoreHealth, RedisHealth>()
        .AddHostedService<AnswerListener>()
        .AddHostedService(static provider => provider.GetRequiredService<RedisActivityExchange>())
        .AddHostedService<RedisSupervisor>();
}
