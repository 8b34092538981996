using System.Buffers.Binary;
using System.Security.Cryptography;
using Relay.Protocol;
using Relay.Server.Delivery;

namespace Relay.Server.Tests.Storage;

/// <summary>
/// What every <see cref="IDeliveryQueue"/> promises. A store derives a class and says how it is made. Time is an argument
/// everywhere; it starts in 2100, so that a store that also expires by a real clock expires nothing during a test.
/// </summary>
public abstract partial class DeliveryQueueContract : IAsyncLifetime
{
    private static readonly TimeSpan SignalTimeout = TimeSpan.FromSeconds(30);
    private static readonly DateTimeOffset Start = new(2100, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan AckTimeout = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(10);
    private static readonly byte[] Head = """{"method":"POST","path":"/","query":"","headers":{"content-type":"text/plain"}}"""u8.ToArray();
    private static long _lastId = BinaryPrimitives.ReadInt64BigEndian(RandomNumberGenerator.GetBytes(8)) & 0x3fff_ffff_ffff_ffff;

    private readonly RelayId _agent = RelayId.New();
    private readonly SessionId _session = SessionId.New();
    private IStoreHarness _harness = null!;
    private StoreUnderTest _store = null!;

    private IDeliveryQueue Queue => _store.Queue;

    private protected abstract IStoreHarness CreateHarness();

    public async Task InitializeAsync()
    {
        _harness = CreateHarness();
        await OpenAsync();
    }

    public async Task DisposeAsync() => await _harness.DisposeAsync();

    /// <summary>Opens the store; a second call crashes and reopens it.</summary>
    private async Task OpenAsync(DeliveryOptions? options = null) => _store = await _harness.OpenAsync(options ?? new DeliveryOptions());

    private static DateTimeOffset At(double seconds) => Start.AddSeconds(seconds);

    /// <summary>Ascending, as one node makes them.</summary>
    private static EventId NewEventId() =>
        new(new UInt128((ulong)Interlocked.Increment(ref _lastId), BinaryPrimitives.ReadUInt64BigEndian(RandomNumberGenerator.GetBytes(8))));

    private NewEvent NewEvent(ReadOnlyMemory<byte> body = default, double at = 0, byte[]? key = null, RelayId? agent = null) =>
        new(NewEventId(), agent ?? _agent, At(at), Head, body, key);

    private static byte[] NewKey() => RandomNumberGenerator.GetBytes(16);

    private static AcceptTerms Terms(long maxEvents = 1_000_000, long maxBytes = 1L << 40, Lease? lease = null) =>
        new(Window, maxEvents, maxBytes, lease);

    private AcceptTerms LeaseTerms(SessionId? session = null, double until = 30) => Terms(lease: new Lease(session ?? _session, At(until)));

    /// <summary>Accepts one event that becomes ready.</summary>
    private async Task<EventId> AcceptAsync(double at = 0)
    {
        var result = await Queue.AcceptAsync(NewEvent(at: at), Terms());
        Assert.Equal(AcceptStatus.Ready, result.Status);
        return result.Id;
    }

    /// <summary>So many at a time that a slow machine's Redis still answers the last of them in time.</summary>
    private async Task<EventId[]> AcceptManyAsync(int count)
    {
        List<EventId> ids = [];
        foreach (var some in Enumerable.Range(0, count).Chunk(1000))
        {
            ids.AddRange((await Task.WhenAll(some.Select(_ => Queue.AcceptAsync(NewEvent(), Terms())))).Select(result => result.Id));
        }

        return [.. ids];
    }

    private async Task<long> ClaimAsync(double at = 0, SessionId? session = null) => (await Queue.ClaimAsync(_agent, session ?? _session, At(at))).Unsettled;

    /// <summary>Leases to <see cref="_session"/>, unless another is named, for <see cref="AckTimeout"/>.</summary>
    private Task<LeaseResult> LeaseAsync(double at = 0, int max = 100, long maxBytes = long.MaxValue, SessionId? session = null) =>
        Queue.LeaseAsync(_agent, new LeaseRequest(session ?? _session, max, maxBytes, At(at), At(at) + AckTimeout));

    private async Task<LeasedEvent> LeaseOneAsync(double at = 0) => Assert.Single((await LeaseAsync(at, max: 1)).Events);

    private async Task<SettleResult> SettleAsync(Settlement settlement, double at = 0, RelayId? agent = null) =>
        Assert.Single(await Queue.SettleAsync(agent ?? _agent, [settlement], At(at)));

    private Settlement Ack(EventId id, SessionId? session = null) => new(id, SettlementKind.Ack, session ?? _session, AttemptOutcome.Acked);

    private Settlement Retry(EventId id, double due, int failures = 1, bool lossCounted = false, string? reason = null, SessionId? session = null) =>
        new(id, SettlementKind.Retry, session ?? _session, AttemptOutcome.Nacked)
        {
            DueAt = At(due),
            Failures = failures,
            LossCounted = lossCounted,
            Reason = reason,
        };

    private Settlement DeadLetter(EventId id, int failures = 6, SessionId? session = null) =>
        new(id, SettlementKind.DeadLetter, session ?? _session, AttemptOutcome.TimedOut) { Failures = failures };

    private Settlement Expire(EventId id, SessionId? session = null) =>
        new(id, SettlementKind.Expire, session ?? _session, AttemptOutcome.Expired);

    private async Task<StoredEvent> FindAsync(EventId id)
    {
        var found = await Queue.FindAsync(_agent, id);
        Assert.NotNull(found);
        return found;
    }

    private static IReadOnlyList<EventId> Ids(LeaseResult result) => [.. result.Events.Select(leased => leased.Id)];
}
