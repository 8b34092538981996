namespace Relay.Server.Tests.Storage;

public sealed class EmbeddedDeliveryQueueTests : DeliveryQueueContract
{
    private protected override IStoreHarness CreateHarness() => new EmbeddedHarness();
}

public sealed class EmbeddedAgentStoreTests : AgentStoreContract
{
    private protected override IStoreHarness CreateHarness() => new EmbeddedHarness();
}
