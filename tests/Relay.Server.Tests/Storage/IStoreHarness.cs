using Relay.Server.Activities;
using Relay.Server.Admin;
using Relay.Server.Agents;
using Relay.Server.Audit;
using Relay.Server.Delivery;
using Relay.Server.Operations.Statistics;
using Relay.Server.Storage;

namespace Relay.Server.Tests.Storage;

/// <summary>How a store is made for one test, and how it crashes. Disposing it removes what the test left.</summary>
internal interface IStoreHarness : IAsyncDisposable
{
    /// <summary>
    /// Opens the store on this harness's data, empty at first. The one that was open before crashes: it is not shut down, nothing
    /// that it has in memory may reach the new one, and no call is made on it any more.
    /// </summary>
    Task<StoreUnderTest> OpenAsync(DeliveryOptions options);

    /// <summary>Whether settled events vanish by the store's own clock, so that <see cref="IDeliveryQueue.PruneAsync"/> has nothing to do.</summary>
    bool ForgetsByItself { get; }
}

/// <param name="Waits">Of the node that has the store open.</param>
internal sealed record StoreUnderTest(
    IDeliveryQueue Queue, SenderWaits Waits, IAgentStore Agents, IStoreHealth Health, IAgentLog Log, IAgenda Agenda, IAdminKeyStore AdminKeys, IAuditLog Audit,
    IStatisticsStore Statistics);
