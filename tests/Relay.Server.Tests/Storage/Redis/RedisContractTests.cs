namespace Relay.Server.Tests.Storage.Redis;

[Collection("redis")]
public sealed class RedisDeliveryQueueTests(RedisFixture redis) : DeliveryQueueContract
{
    private protected override IStoreHarness CreateHarness() => new RedisStoreHarness(redis.Server);
}

[Collection("redis")]
public sealed class RedisAgentLogTests(RedisFixture redis) : AgentLogContract
{
    private protected override IStoreHarness CreateHarness() => new RedisStoreHarness(redis.Server);
}

[Collection("redis")]
public sealed class RedisAgentStoreTests(RedisFixture redis) : AgentStoreContract
{
    private protected override IStoreHarness CreateHarness() => new RedisStoreHarness(redis.Server);
}

[Collection("redis")]
public sealed class RedisAgendaTests(RedisFixture redis) : AgendaContract
{
    private protected override IStoreHarness CreateHarness() => new RedisStoreHarness(redis.Server);
}

[Collection("redis")]
public sealed class RedisAdminKeyStoreTests(RedisFixture redis) : AdminKeyStoreContract
{
    private protected override IStoreHarness CreateHarness() => new RedisStoreHarness(redis.Server);
}

[Collection("redis")]
public sealed class RedisStatisticsStoreTests(RedisFixture redis) : StatisticsStoreContract
{
    private protected override IStoreHarness CreateHarness() => new RedisStoreHarness(redis.Server);
}

[Collection("redis")]
public sealed class RedisAuditLogTests(RedisFixture redis) : AuditLogContract
{
    private protected override IStoreHarness CreateHarness() => new RedisStoreHarness(redis.Server);
}
