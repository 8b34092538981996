namespace Relay.Server.Tests.Storage.Redis;

[Collection("cluster")]
public sealed class ClusterDeliveryQueueTests(ClusterFixture cluster) : DeliveryQueueContract
{
    private protected override IStoreHarness CreateHarness() => new ClusterStoreHarness(cluster.Cluster);
}

[Collection("cluster")]
public sealed class ClusterAgentLogTests(ClusterFixture cluster) : AgentLogContract
{
    private protected override IStoreHarness CreateHarness() => new ClusterStoreHarness(cluster.Cluster);
}

[Collection("cluster")]
public sealed class ClusterAgentStoreTests(ClusterFixture cluster) : AgentStoreContract
{
    private protected override IStoreHarness CreateHarness() => new ClusterStoreHarness(cluster.Cluster);
}

[Collection("cluster")]
public sealed class ClusterAgendaTests(ClusterFixture cluster) : AgendaContract
{
    private protected override IStoreHarness CreateHarness() => new ClusterStoreHarness(cluster.Cluster);
}

[Collection("cluster")]
public sealed class ClusterAdminKeyStoreTests(ClusterFixture cluster) : AdminKeyStoreContract
{
    private protected override IStoreHarness CreateHarness() => new ClusterStoreHarness(cluster.Cluster);
}

[Collection("cluster")]
public sealed class ClusterAuditLogTests(ClusterFixture cluster) : AuditLogContract
{
    private protected override IStoreHarness CreateHarness() => new ClusterStoreHarness(cluster.Cluster);
}

[Collection("cluster")]
public sealed class ClusterStatisticsStoreTests(ClusterFixture cluster) : StatisticsStoreContract
{
    private protected override IStoreHarness CreateHarness() => new ClusterStoreHarness(cluster.Cluster);
}
