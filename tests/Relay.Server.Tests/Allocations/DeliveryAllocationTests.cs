using Microsoft.Extensions.Logging.Abstractions;
using Relay.Protocol;
using Relay.Server.Delivery;

namespace Relay.Server.Tests.Allocations;

/// <summary>What the way of an event through a pump allocates, and that idle agents cost nothing.</summary>
public sealed class DeliveryAllocationTests
{
#if DEBUG
    /// <summary>Without optimization the state of an asynchronous method is always an object.</summary>
    private const long BytesOfAnEvent = 680;
#else
    /// <summary>The place in the order, the leased event and the list that holds it, the answer, the settlement.</summary>
    private const long BytesOfAnEvent = 448;
#endif

    private static readonly AcceptTerms Terms = new(TimeSpan.FromMinutes(10), long.MaxValue, long.MaxValue, Lease: null);

    private readonly FakeTimeProvider _clock = new();
    private readonly RelayId _agent = RelayId.New();
    private readonly InstantQueue _queue = new();

    [Fact]
    public void An_event_that_is_pushed_and_acknowledged()
    {
        const int Events = 1000;
        var sink = new LastPushed();
        var pump = Open(sink);
        NewEvent[] events = [.. Enumerable.Range(0, Events + 1).Select(i => new NewEvent(
            new EventId(new UInt128(1, (ulong)i)), _agent, _clock.GetUtcNow(), "{}"u8.ToArray(), new byte[1024], IdempotencyKey: null))];
        string[] ids = [.. events.Select(one => one.Id.ToString())];
        var acknowledged = 0;

        Allocated.AtMost(BytesOfAnEvent, PushAndAck, Events, beforeRound: () =>
        {
            // What was acknowledged is stored on another thread, in batches. One that is held there collects the rest.
            _queue.LetSettlementsGo();
            Assert.True(SpinWait.SpinUntil(() => _queue.Settled == acknowledged, RelayHost.Patience));
            _queue.HoldSettlements();
            PushAndAck(Events);
        });
        _queue.LetSettlementsGo();

        void PushAndAck(int i)
        {
            Assert.True(pump.AcceptAsync(events[i], Terms).IsCompletedSuccessfully);
            pump.Sent(sink.Last!);
            pump.Ack(ids[i]);
            acknowledged++;
        }
    }

    [Theory]
    [InlineData(10)]
    [InlineData(1000)]
    public void The_clock_of_agents_that_get_nothing_allocates_nothing_however_many(int agents)
    {
        DeliveryPump[] pumps = [.. Enumerable.Range(0, agents).Select(_ => Open(new LastPushed()))];

        Allocated.AtMost(0, tick =>
        {
            var now = _clock.GetUtcNow() + TimeSpan.FromMilliseconds(250 * tick);
            foreach (var pump in pumps)
            {
                pump.Tick(now);
            }
        }, calls: 100);
    }

    [Fact]
    public void The_clock_of_an_agent_that_works_allocates_nothing()
    {
        var sink = new LastPushed();
        var pump = Open(sink);
        var accepted = new NewEvent(new EventId(1), _agent, _clock.GetUtcNow(), "{}"u8.ToArray(), Array.Empty<byte>(), IdempotencyKey: null);
        Assert.True(pump.AcceptAsync(accepted, Terms).IsCompletedSuccessfully);
        Assert.NotNull(sink.Last);

        Allocated.AtMost(0, () => pump.Tick(_clock.GetUtcNow()));
    }

    [Fact]
    public void What_is_in_flight_is_counted_without_an_allocation()
    {
        var table = new InFlightTable();
        var inFlight = new InFlight(Attempt: 1, _clock.GetUtcNow().UtcDateTime, Failures: 0, LossCounted: false, SenderWaits: false, Place: null);

        Allocated.AtMost(0, i =>
        {
            var id = new EventId((UInt128)i);
            table.Set(id, inFlight);
            _ = table.TryFind(id, out _) & (i < 64 || table.Remove(new EventId((UInt128)(i - 64)), out _));
        });
    }

    [Fact]
    public void A_new_event_id()
    {
        var source = new EventIdSource(_clock);

        Allocated.AtMost(0, () => source.Next());
    }

    private DeliveryPump Open(IDeliverySink sink)
    {
        var services = new DeliveryPumpServices(_queue, new RetrySchedule(new Random(1)), _clock, NullLogger<DeliveryPump>.Instance);
        var pump = new DeliveryPump(_agent, DeliveryPolicy.From(new DeliveryOptions(), agent: null), SessionId.New(), asked: null, sink, services);
        pump.Open();
        Assert.True(SpinWait.SpinUntil(() => pump.IsIdle, RelayHost.Patience));
        return pump;
    }

    private sealed class LastPushed : IDeliverySink
    {
        public LeasedEvent? Last { get; private set; }

        public void Push(LeasedEvent leased) => Last = leased;

        public void Flush(bool here)
        {
        }

        public void UnknownEvent(string id) => Assert.Fail($"{id} is not known.");

        public void DueAt(DateTimeOffset due)
        {
        }

        public void Superseded() => Assert.Fail("Nobody else is there.");
    }
}
