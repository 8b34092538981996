namespace Relay.Server.Tests.Storage;

public sealed class EmbeddedDeliveryQueueTests : DeliveryQueueContract
{
    private protected override IStoreHarness CreateHarness() => EmbeddedHarness.New();
}

public sealed class EmbeddedAgentLogTests : AgentLogContract
{
    private protected override IStoreHarness CreateHarness() => EmbeddedHarness.New();
}

public sealed class EmbeddedAgentStoreTests : AgentStoreContract
{
    private protected override IStoreHarness CreateHarness() => EmbeddedHarness.New();
}

public sealed class EmbeddedAgendaTests : AgendaContract
{
    private protected override IStoreHarness CreateHarness() => EmbeddedHarness.New();
}

public sealed class EmbeddedAdminKeyStoreTests : AdminKeyStoreContract
{
    private protected override IStoreHarness CreateHarness() => EmbeddedHarness.New();
}

public sealed class EmbeddedStatisticsStoreTests : StatisticsStoreContract
{
    private protected override IStoreHarness CreateHarness() => EmbeddedHarness.New();
}

public sealed class EmbeddedAuditLogTests : AuditLogContract
{
    private protected override IStoreHarness CreateHarness() => EmbeddedHarness.New();
}
