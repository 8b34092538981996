using Relay.Protocol;
using Relay.Server.Cluster;
using Relay.Server.Delivery;
using Relay.Server.Storage.Redis;
using Relay.Server.Storage.Redis.Batches;

namespace Relay.Server.Tests.Allocations;

/// <summary>What is made of an event and of acks for Redis.</summary>
public sealed class RedisArgumentTests
{
    private const int Acks = 16;

    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeMilliseconds(1_800_000_000_000);
    private readonly NodeIdentity _node = new();
    private readonly SessionId _session = SessionId.New();

    /// <summary>The array of arguments, the id, two times, the session.</summary>
    [Fact]
    public void An_event()
    {
        var arguments = new AcceptArguments(_node);
        var accepted = new NewEvent(new EventId(1), RelayId.New(), Now, "{}"u8.ToArray(), new byte[1024], IdempotencyKey: null);
        var terms = new AcceptTerms(TimeSpan.FromHours(24), 100_000, 1 << 30, new Lease(_session, Now.AddSeconds(30)));

        Allocated.AtMost(328, () => arguments.From(accepted, terms));
    }

    /// <summary>The array of arguments, the ids, and names of one run.</summary>
    [Fact]
    public void Acks_that_are_alike()
    {
        var arguments = new SettleArguments(new DeliveryOptions(), _node, new SenderWaits(TimeProvider.System));
        Settlement[] acks = [.. Enumerable.Range(1, Acks).Select(i => new Settlement(new EventId((ulong)i), SettlementKind.Ack, _session, AttemptOutcome.Acked))];

        Allocated.AtMost(1784, () => arguments.From(new SettleCall(acks), Now));
    }
}
