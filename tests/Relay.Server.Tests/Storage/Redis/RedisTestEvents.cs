using System.Buffers.Binary;
using System.Diagnostics;
using System.Security.Cryptography;
using Relay.Protocol;
using Relay.Server.Delivery;

namespace Relay.Server.Tests.Storage.Redis;

/// <summary>Events, terms and waiting for the tests of what only Redis does. Times are real: Redis's own clock clears away.</summary>
internal static class RedisTestEvents
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>More than a call may take, for a machine that is busy.</summary>
    public static readonly TimeSpan Bound = TimeSpan.FromSeconds(20);

    private static long _lastId = BinaryPrimitives.ReadInt64BigEndian(RandomNumberGenerator.GetBytes(8)) & 0x3fff_ffff_ffff_ffff;

    public static DateTimeOffset Now => TimeProvider.System.GetUtcNow();

    public static NewEvent NewEvent(RelayId agent, int bodyBytes = 10, byte[]? key = null) => new(
        new EventId(new UInt128((ulong)Interlocked.Increment(ref _lastId), 1)), agent, Now, "{}"u8.ToArray(), new byte[bodyBytes], key);

    public static AcceptTerms Terms(SessionId? leaseTo = null) => new(
        TimeSpan.FromMinutes(10), 1_000_000, 1L << 40, leaseTo is { } session ? new Lease(session, Now.AddMinutes(1)) : null);

    public static Task<LeaseResult> LeaseAllAsync(this IDeliveryQueue queue, RelayId agent, SessionId session) =>
        queue.LeaseAsync(agent, new LeaseRequest(session, 10_000, long.MaxValue, Now, Now.AddMinutes(1)));

    public static Settlement Ack(EventId id, SessionId session) => new(id, SettlementKind.Ack, session, AttemptOutcome.Acked);

    /// <summary>Waits until it is so. What the store throws meanwhile means: not yet.</summary>
    public static async Task UntilAsync(Func<Task<bool>> condition)
    {
        for (var waited = Stopwatch.StartNew(); ;)
        {
            try
            {
                if (await condition())
                {
                    return;
                }
            }
            catch (Relay.Server.Storage.StoreUnavailableException) when (waited.Elapsed < Patience)
            {
            }

            Assert.True(waited.Elapsed < Patience, "It did not come about in time.");
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        }
    }
}
