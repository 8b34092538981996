using Microsoft.Extensions.Logging.Abstractions;
using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Storage;

namespace Relay.Server.Tests.Delivery;

/// <summary>The store fails a pump's call, and what it did is not known.</summary>
public sealed class UnknownOutcomeTests
{
    private static readonly DeliveryOptions Options = new();
    private readonly FakeTimeProvider _clock = new();
    private readonly RelayId _agent = RelayId.New();
    private readonly ModelQueue _queue = new(Options);
    private readonly PumpSink _sink;

    public UnknownOutcomeTests() => _sink = new PumpSink(_queue, window: 4, new PumpSink.Order(), Options.AckTimeout, _clock);

    [Fact]
    public async Task An_event_that_was_leased_without_anyone_knowing_comes_when_its_lease_is_over()
    {
        var pump = await OpenAsync();
        _queue.HoldsAnswers = true;
        var (id, accepting) = Accept(pump);
        Assert.True(_queue.LetGo(new Random(1), fail: true));
        await Assert.ThrowsAsync<StoreUnavailableException>(() => accepting);
        _queue.HoldsAnswers = false;

        _clock.Advance(Options.AckTimeout + TimeSpan.FromSeconds(3));
        await Eventually.AsyncTrue(() =>
        {
            pump.Tick(_clock.GetUtcNow());
            return _sink.InFlight.Count == 1;
        });

        Assert.Equal([id], _sink.InFlight);
        pump.Ack(id);
        await pump.EndAsync();
    }

    [Fact]
    public async Task A_lease_that_could_not_be_extended_is_extended_when_the_store_is_back()
    {
        var pump = await OpenAsync();
        var (id, accepting) = Accept(pump);
        await accepting;
        _queue.HoldsAnswers = true;
        pump.Extend(id);
        await Eventually.AsyncTrue(() => _queue.LetGo(new Random(1), fail: true));
        _queue.HoldsAnswers = false;

        await Eventually.AsyncTrue(() =>
        {
            _clock.Advance(TimeSpan.FromMilliseconds(100));
            return _queue.Extensions == 2;
        });

        pump.Ack(id);
        await pump.EndAsync();
        Assert.Equal(2, _queue.Extensions);
    }

    private async Task<DeliveryPump> OpenAsync()
    {
        var session = SessionId.New();
        var services = new DeliveryPumpServices(_queue, new RetrySchedule(new Random(1)), _clock, NullLogger<DeliveryPump>.Instance);
        var pump = _sink.Pump = new DeliveryPump(_agent, DeliveryPolicy.From(Options, agent: null), session, asked: 4, _sink, services);
        await _queue.ClaimAsync(_agent, session, _clock.GetUtcNow());
        pump.Open();
        await Eventually.AsyncTrue(() => pump.IsIdle);
        return pump;
    }

    private (string Id, Task<AcceptResult> Accepting) Accept(DeliveryPump pump)
    {
        var accepted = new NewEvent(new EventId(UInt128.One), _agent, _clock.GetUtcNow(), "{}"u8.ToArray(), new byte[1], null);
        return (accepted.Id.ToString(), pump.AcceptAsync(accepted, new AcceptTerms(TimeSpan.Zero, long.MaxValue, long.MaxValue, Lease: null)));
    }
}
