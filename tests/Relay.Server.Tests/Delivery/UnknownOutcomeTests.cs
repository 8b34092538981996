using Microsoft.Extensions.Logging.Abstractions;
using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Storage;

namespace Relay.Server.Tests.Delivery;

public sealed class UnknownOutcomeTests
{
    [Fact]
    public async Task An_event_that_was_leased_without_anyone_knowing_comes_when_its_lease_is_over()
    {
        var options = new DeliveryOptions();
        var (clock, agent, session) = (new FakeTimeProvider(), RelayId.New(), SessionId.New());
        var queue = new ModelQueue(options);
        var sink = new PumpSink(queue, window: 4, new PumpSink.Order(), options.AckTimeout, clock);
        var services = new DeliveryPumpServices(queue, new RetrySchedule(new Random(1)), clock, NullLogger<DeliveryPump>.Instance);
        var pump = sink.Pump = new DeliveryPump(agent, DeliveryPolicy.From(options, agent: null), session, asked: 4, sink, services);
        await queue.ClaimAsync(agent, session, clock.GetUtcNow());
        pump.Open();
        await Eventually.AsyncTrue(() => pump.IsIdle);

        queue.HoldsAnswers = true;
        var accepted = new NewEvent(new EventId(UInt128.One), agent, clock.GetUtcNow(), "{}"u8.ToArray(), new byte[1], null);
        var accepting = pump.AcceptAsync(accepted, new AcceptTerms(TimeSpan.Zero, long.MaxValue, long.MaxValue, Lease: null));
        Assert.True(queue.LetGo(new Random(1), fail: true));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => accepting);
        queue.HoldsAnswers = false;

        clock.Advance(options.AckTimeout + TimeSpan.FromSeconds(3));
        await Eventually.AsyncTrue(() =>
        {
            pump.Tick(clock.GetUtcNow());
            return sink.InFlight.Count == 1;
        });

        Assert.Equal([accepted.Id.ToString()], sink.InFlight);
        pump.Ack(accepted.Id.ToString());
        await pump.EndAsync();
    }
}
