using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Storage;

namespace Relay.Server.Tests.Delivery;

/// <summary>One agent that connects, works badly, and goes, again and again; at the end it works well and must have got everything.</summary>
internal sealed class PumpRun
{
    private const int MaxEvents = 120;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private static readonly DeliveryOptions Options = new() { MaxAttempts = 1000, RetryDelays = [TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(5)] };

    private readonly int _seed;
    private readonly Random _random;
    private readonly int _window;
    private readonly RelayId _agent = RelayId.New();
    private readonly FakeTimeProvider _clock = new();
    private readonly ModelQueue _queue = new(Options);
    private readonly DeliveryPumpServices _services;
    private readonly List<string> _log = [];
    private readonly List<Task> _accepts = [];
    private readonly PumpSink.Order _order = new();
    private readonly List<Task> _ends = [];
    private PumpSink _sink = null!;
    private DeliveryPump _pump = null!;
    private IAsyncDisposable? _subscription;
    private int _lastId;

    public PumpRun(int seed)
    {
        (_seed, _random) = (seed, new Random(seed));
        _window = _random.Next(1, 12);
        _services = new DeliveryPumpServices(_queue, new RetrySchedule(new Random(seed)), _clock, NullLogger<DeliveryPump>.Instance);
    }

    public async Task RunAsync(int steps)
    {
        try
        {
            await ConnectAsync();
            for (var i = 0; i < steps; i++)
            {
                await StepAsync();
                Assert.Null(_sink.Broken);
            }

            await WorkWellUntilAllIsDeliveredAsync();
            await AssertTheWholeWindowIsUsableAsync();
            await EndAllAsync();
            await _subscription!.DisposeAsync();
            Assert.Null(_sink.Broken);
        }
        catch (Exception error)
        {
            throw new InvalidOperationException($"Seed {_seed}, window {_window}: {error}\n\n{string.Join('\n', _log)}", error);
        }
    }

    private async Task StepAsync()
    {
        switch (_random.Next(100))
        {
            case < 35 when _lastId < MaxEvents:
                Accept();
                break;
            case < 50:
                WithOne(id => _pump.Ack(Done(id)), "ack");
                break;
            case < 57:
                WithOne(id => _pump.Nack(Done(id), "busy", _random.Next(2) == 0 ? TimeSpan.FromSeconds(_random.Next(9)) : null, deadLetter: false), "nack");
                break;
            case < 62:
                WithOne(id => _pump.Extend(_sink.Extended(id)), "extend");
                break;
            case < 75:
                var by = Moment * _random.Next(1, _random.Next(8) == 0 ? 150 : 6);
                Note($"{by} pass");
                _clock.Advance(by);
                Tick();
                break;
            case < 90:
                Note("an answer of the store comes");
                _queue.LetGo(_random, fail: false);
                break;
            case < 92:
                Note("an answer of the store fails");
                _queue.LetGo(_random, fail: true);
                break;
            case < 95:
                _queue.HoldsAnswers = !_queue.HoldsAnswers;
                Note($"answers are held: {_queue.HoldsAnswers}");
                break;
            case < 97:
                var end = (PumpEnd)_random.Next(3);
                Note($"the connection ends: {end}");
                if (end == PumpEnd.Shutdown) _pump.Drain();
                _sink.Close();
                _pump.Stop(end);
                _ends.Add(_pump.EndAsync());
                await ConnectAsync();
                break;
            default:
                // Lets what runs on other threads have its turn.
                await Task.Yield();
                break;
        }
    }

    private void Accept()
    {
        var number = ++_lastId;
        var accepted = new NewEvent(
            new EventId(new UInt128((ulong)number, (ulong)_seed)), _agent, _clock.GetUtcNow(), "{}"u8.ToArray(), new byte[_random.Next(50)], null);
        Note($"accept {accepted.Id}");
        _accepts.Add(AcceptAsync(accepted));
    }

    private async Task AcceptAsync(NewEvent accepted)
    {
        try
        {
            var result = await _pump.AcceptAsync(accepted, new AcceptTerms(TimeSpan.FromMinutes(1), long.MaxValue, long.MaxValue, Lease: null));
            Assert.Equal(accepted.Id, result.Id);
        }
        catch (StoreUnavailableException)
        {
            // The sender was told so; the event may come or not.
        }
    }

    private async Task ConnectAsync()
    {
        if (_subscription is not null) await _subscription.DisposeAsync();
        var session = SessionId.New();
        var sink = _sink = new PumpSink(_queue, _window, _order, Options.AckTimeout, _clock);
        var pump = _pump = new DeliveryPump(_agent, DeliveryPolicy.From(Options, agent: null), session, _window, sink, _services);
        sink.Pump = pump;
        _subscription = await _queue.SubscribeAsync(_agent, signal =>
        {
            if (signal.ClaimedBy != session) pump.Wake();
        });
        await _queue.ClaimAsync(_agent, session, _clock.GetUtcNow());
        Note($"{session} is connected");
        pump.Open();
    }

    /// <summary>From now on the store answers at once and the agent acknowledges what it gets.</summary>
    private async Task WorkWellUntilAllIsDeliveredAsync()
    {
        Note("all is well from now on");
        _queue.HoldsAnswers = false;
        var began = Stopwatch.GetTimestamp();
        while (!IsAllDelivered())
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < Patience, $"Not delivered: {string.Join(' ', Undelivered())}; in flight {string.Join(' ', _sink.InFlight)}");
            while (_queue.LetGo(_random, fail: false))
            {
            }

            foreach (var id in _sink.InFlight) _pump.Ack(Done(id));
            _clock.Advance(Second);
            Tick();
            await Task.Yield();
        }

        // Settlements that failed are tried again after a while, and what was acknowledged on an earlier connection when it had been pushed on this one
        // may be held here longer than by the agent.
        await WhenAsync(() =>
        {
            _clock.Advance(Moment);
            foreach (var id in _sink.InFlight) _pump.Ack(Done(id));
            return _pump.IsIdle;
        });
    }

    /// <summary>A slot that leaked would keep the last events from being pushed.</summary>
    private async Task AssertTheWholeWindowIsUsableAsync()
    {
        for (var i = 0; i < _window; i++) Accept();
        await WhenAsync(() => _pump.InFlightCount == _window);
        foreach (var id in _sink.InFlight) _pump.Ack(Done(id));
        await WhenAsync(() => IsAllDelivered() && _pump.IsIdle);
    }

    private async Task EndAllAsync()
    {
        var ends = Task.WhenAll([.. _ends, _pump.EndAsync()]);
        await WhenAsync(() =>
        {
            // A settlement that failed may be tried again only now.
            _clock.Advance(Moment);
            return ends.IsCompleted;
        });
        await ends;
    }

    private async Task WhenAsync(Func<bool> isSo)
    {
        var began = Stopwatch.GetTimestamp();
        while (!isSo())
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < Patience, $"In flight {string.Join(' ', _sink.InFlight)}, idle {_pump.IsIdle}, undelivered {string.Join(' ', Undelivered())}");
            Tick();
            await Task.Yield();
        }
    }

    private bool IsAllDelivered() => _accepts.TrueForAll(accept => accept.IsCompleted) && Undelivered().Length == 0;

    private EventId[] Undelivered() => _queue.Look(model => model.Events.Where(one => one.State != EventState.Delivered).Select(one => one.Id).ToArray());

    private void Tick()
    {
        var now = _clock.GetUtcNow();
        _sink.EndOverdue(now);
        if (_sink.TakeTick(now)) _sink.DueAt(_pump.Tick(now));
    }

    private void WithOne(Action<string> act, string what)
    {
        if (_sink.InFlight is { Count: > 0 } held)
        {
            var id = held[_random.Next(held.Count)];
            Note($"{what} {id}");
            act(id);
        }
    }

    private string Done(string id)
    {
        _sink.Done(id);
        return id;
    }

    private void Note(string line)
    {
        lock (_log) _log.Add(string.Create(CultureInfo.InvariantCulture, $"{_log.Count,4}  {line}"));
    }
}
