using Relay.Server.Activities;
using Relay.Server.Admin;
using Relay.Server.Agents;
using Relay.Server.Audit;
using Relay.Server.Cluster;
using Relay.Server.Connections;
using Relay.Server.Delivery;
using Relay.Server.Operations.Statistics;

namespace Relay.Server.Storage.Embedded;

internal static class EmbeddedStoreServices
{
    /// <summary>Adds the embedded store, which opens when the host starts. Needs <see cref="SenderWaits"/>.</summary>
    public static IServiceCollection AddEmbeddedStore(this IServiceCollection services) => services
        .AddSingleton<EmbeddedStore>()
        .AddSingleton<IDeliveryQueue, EmbeddedDeliveryQueue>()
        .AddSingleton<IAgentStore, EmbeddedAgentStore>()
        .AddSingleton<IAgentLog, EmbeddedAgentLog>()
        .AddSingleton<IAgenda, EmbeddedAgenda>()
        .AddSingleton<IAdminKeyStore, EmbeddedAdminKeyStore>()
        .AddSingleton<IAuditLog, EmbeddedAuditLog>()
        .AddSingleton<IPresenceStore, EmbeddedPresence>()
        .AddSingleton<IActivityExchange, NoActivityExchange>()
        .AddSingleton<INodeRoster, EmbeddedNodeRoster>()
        .AddSingleton<IStatisticsStore, EmbeddedStatisticsStore>()
        .AddSingleton<IStoreHealth, EmbeddedHealth>()
        .AddHostedService<OpenAtStart>();

    /// <summary>Asks for the store, so that what is wrong with it stops the start and not the first request.</summary>
    private sealed class OpenAtStart(EmbeddedStore store) : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken)
        {
            _ = store;
            return Task.CompletedTask;
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
