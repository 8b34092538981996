using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Relay.Protocol;
using Relay.Server.Delivery;

namespace Relay.Server.Tests.Storage.Model;

/// <summary>
/// One agent's random sequence of calls, each made on a store and on the model. Calls are made without waiting for the answers of
/// those before, which are compared a few calls later. The seed alone makes the sequence, but for the agent's and the sessions' names.
/// </summary>
internal sealed class QueueRun
{
    private const int MaxUnanswered = 12;
    private const int Connections = 3;
    private static readonly DateTimeOffset Start = new(2100, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(1);
    private static readonly byte[] Head = "{}"u8.ToArray();

    private readonly RelayId _agent = RelayId.New();

    /// <summary>Connections that need the claim, two that do not, the agent's polls, and a node that posts.</summary>
    private readonly SessionId[] _sessions;

    private readonly List<EventId> _ids = [];
    private readonly ConcurrentDictionary<EventId, object> _places = new();
    private readonly List<string> _log = [];
    private readonly Queue<(string Call, string Expected, Task<string> Actual)> _unanswered = new();
    private readonly ulong _idBits = (ulong)Random.Shared.NextInt64();
    private readonly int _seed;
    private readonly Random _random;
    private readonly QueueModel _model;
    private readonly bool _keepsAll;
    private DateTimeOffset _now = Start;
    private int _lastId;

    public QueueRun(int seed, DeliveryOptions options)
    {
        _sessions =
        [
            .. Enumerable.Range(0, Connections).Select(static _ => SessionId.New()),
            SessionId.New().AsShared(), SessionId.New().AsShared(), SessionId.PollOf(_agent), SessionId.NewHttp(),
        ];
        (_seed, _random, _model) = (seed, new Random(seed), new QueueModel(options));
        _keepsAll = options.DeliveredKept == new DeliveryOptions().DeliveredKept;
    }

    /// <summary>Makes some calls and waits for all answers.</summary>
    public async Task RunAsync(IDeliveryQueue queue, int calls)
    {
        Note("the store is opened");
        for (var i = 0; i < calls; i++)
        {
            Step(queue);
            if (_unanswered.Count > _random.Next(MaxUnanswered)) await CompareAsync();
        }

        await CompareAsync();
    }

    /// <summary>Compares every event that was ever named.</summary>
    public async Task CompareEventsAsync(IDeliveryQueue queue)
    {
        foreach (var id in _ids) Find(queue, id);
        await CompareAsync();
    }

    public void Prune(DateTimeOffset now) => _model.Prune(now);

    private void Step(IDeliveryQueue queue)
    {
        switch (_random.Next(100))
        {
            case < 30:
                Accept(queue);
                break;
            case < 50:
                Lease(queue);
                break;
            case < 75:
                Settle(queue);
                break;
            case < 82:
                Extend(queue);
                break;
            case < 86 when _random.Next(2) == 0 || _model.Claim is null:
                Claim(queue);
                break;
            case < 90 when _ids.Count > 0:
                Find(queue, AnyId());
                break;
            case < 92:
                Expire(queue);
                break;
            case < 93:
                ForgetGaps(queue);
                break;
            default:
                PassTime();
                break;
        }
    }

    private void Accept(IDeliveryQueue queue)
    {
        var body = Encoding.ASCII.GetBytes(new string((char)('a' + (_lastId % 26)), _random.Next(40)));
        byte[]? key = _random.Next(3) == 0 ? [.. Enumerable.Repeat((byte)_random.Next(6), 16)] : null;
        byte[]? order = _random.Next(2) == 0 ? [.. Enumerable.Repeat((byte)_random.Next(3), 16)] : null;
        var accepted = new NewEvent(NextId(), _agent, _now, Head, body, key) { OrderingKey = order };
        var near = _random.Next(4) == 0;
        Lease? lease = _random.Next(2) == 0 ? new Lease(AnySession(), _now.AddSeconds(_random.Next(1, 30))) : null;
        var terms = new AcceptTerms(Window, near ? _random.Next(1, 12) : 1000, near && _random.Next(2) == 0 ? _random.Next(200) : 100_000, lease);
        Call(
            $"accept {accepted.Id}, {body.Length} bytes, key {key?[0]}, order {order?[0]}, at most {terms.MaxQueuedEvents} events and {terms.MaxQueuedBytes} bytes, lease to {Name(lease?.Session)} until {Answers.Of(lease?.Until)}",
            Answers.Of(_model.Accept(accepted, terms)),
            async () =>
            {
                var result = await queue.AcceptAsync(accepted, terms);
                if (result.Place is not null) _places[accepted.Id] = result.Place;
                return Answers.Of(result);
            });
    }

    private void Lease(IDeliveryQueue queue)
    {
        var request = new LeaseRequest(
            AnySession(), _random.Next(1, 8), _random.Next(3) == 0 ? _random.Next(1, 100) : long.MaxValue, _now, _now.AddSeconds(_random.Next(1, 30)));
        Call(
            $"lease to {Name(request.Session)}, at most {request.MaxEvents} events and {request.MaxBytes} bytes, until {Answers.Of(request.Until)}",
            Answers.Of(_model.Lease(request)),
            async () =>
            {
                var result = await queue.LeaseAsync(_agent, request);
                foreach (var one in result.Events.Where(static one => one.Place is not null)) _places[one.Id] = one.Place!;
                return Answers.Of(result);
            });
    }

    private void Settle(IDeliveryQueue queue)
    {
        // When, within one call, the oldest delivered events are forgotten is the store's own business.
        var count = _keepsAll ? _random.Next(1, 5) : 1;
        Settlement[] settlements = [.. Enumerable.Range(0, count).Select(_ => AnySettlement())];
        if (settlements.DistinctBy(static one => one.Id).Count() == count && _random.Next(3) > 0)
        {
            // As a connection has it, if it has been answered.
            settlements = [.. settlements.Select(one => one.Kind == SettlementKind.Ack ? one with { Place = _places.GetValueOrDefault(one.Id) } : one)];
        }

        var now = _now;
        Call(
            $"settle {string.Join(", ", settlements.Select(one => $"{one.Kind} {one.Id} by {Name(one.Session)} attempt {one.Attempt} failures {one.Failures} due {Answers.Of(one.DueAt)}"))}",
            Answers.Of(_model.Settle(settlements, now)),
            async () => Answers.Of(await queue.SettleAsync(_agent, settlements, now)));
    }

    private Settlement AnySettlement()
    {
        // Mostly what is leased, by its holder; now and then anything by anyone.
        var leased = _model.Events.Where(one => one.State == EventState.Leased).ToArray();
        var sensible = leased.Length > 0 && _random.Next(4) > 0 ? leased[_random.Next(leased.Length)] : null;
        var kind = _random.Next(10) switch { < 4 => SettlementKind.Ack, < 8 => SettlementKind.Retry, 8 => SettlementKind.DeadLetter, _ => SettlementKind.Expire };
        var outcome = kind == SettlementKind.Ack ? AttemptOutcome.Acked : (AttemptOutcome)_random.Next((int)AttemptOutcome.Expired + 1);
        return new Settlement(sensible?.Id ?? AnyId(), kind, sensible?.Holder ?? AnySession(), outcome)
        {
            Attempt = kind == SettlementKind.Ack || _random.Next(2) == 0 ? 0 : (sensible?.Attempts ?? 1) + (_random.Next(8) == 0 ? 1 : 0),
            Reason = _random.Next(3) == 0 ? "said \"no\", \u00fcber\n" : null,
            DueAt = kind == SettlementKind.Retry ? _now.AddMilliseconds(_random.Next(-1000, 20_000)) : default,
            Failures = kind == SettlementKind.Ack ? 0 : _random.Next(10),
            LossCounted = kind != SettlementKind.Ack && _random.Next(2) == 0,
        };
    }

    private void Extend(IDeliveryQueue queue)
    {
        var (session, until) = (AnySession(), _now.AddSeconds(_random.Next(1, 60)));
        EventId[] ids = [.. Enumerable.Range(0, _random.Next(1, 4)).Select(_ => AnyId())];
        Call(
            $"extend {string.Join(' ', ids)} of {Name(session)} until {Answers.Of(until)}",
            Answers.Of(_model.Extend(session, ids, until)),
            async () => Answers.Of(await queue.ExtendAsync(_agent, session, ids, until)));
    }

    private void Claim(IDeliveryQueue queue)
    {
        var (session, now) = (_sessions[_random.Next(_sessions.Length)], _now);
        Call($"claim by {Name(session)}", Answers.Of(_model.TakeClaim(session, now)), async () => Answers.Of(await queue.ClaimAsync(_agent, session, now)));
    }

    private void Expire(IDeliveryQueue queue)
    {
        var (before, now, limit) = (AnyId(), _now, _random.Next(1, 6));
        Call($"expire {limit} before {before}", Answers.Of(_model.Expire(before, now, limit)), async () => Answers.Of(await queue.ExpireAsync(_agent, before, now, limit)));
    }

    /// <summary>Now and then of fewer than there are, as if more came since they were told.</summary>
    private void ForgetGaps(IDeliveryQueue queue)
    {
        Gap[] told = [.. _model.Gaps.Select(gap => gap with { Count = Math.Max(1, gap.Count - _random.Next(2)) })];
        _model.ForgetGaps(told);
        Call(
            $"forget gaps {string.Join<Gap>("; ", told)}",
            "done",
            async () =>
            {
                await queue.ForgetGapsAsync(_agent, told);
                return "done";
            });
    }

    private void Find(IDeliveryQueue queue, EventId id) =>
        Call($"find {id}", Answers.Of(_model.Find(id)), async () => Answers.Of(await queue.FindAsync(_agent, id)));

    private void PassTime()
    {
        // Clocks of several nodes differ: now and then time goes back a little.
        _now = _random.Next(10) == 0 ? _now.AddMilliseconds(-_random.Next(500)) : _now.AddMilliseconds(_random.Next(20_000));
        Note($"it is {Answers.Of(_now)}");
    }

    /// <summary>Starts the store's call: its place in the order is taken when this returns.</summary>
    private void Call(string call, string expected, Func<Task<string>> store)
    {
        Note(call);
        _unanswered.Enqueue((call, expected, store()));
    }

    private async Task CompareAsync()
    {
        while (_unanswered.TryDequeue(out var one))
        {
            string actual;
            try
            {
                actual = await one.Actual;
            }
            catch (Exception error)
            {
                actual = error.ToString();
            }

            Note($"    answer to '{one.Call}': {actual}");
            Assert.True(actual == one.Expected, $"Seed {_seed}: '{one.Call}'\n answered {actual}\n   expected {one.Expected}\n\n{string.Join('\n', _log)}");
        }
    }

    /// <summary>Mostly who holds the claim.</summary>
    private SessionId AnySession() => _model.Claim is { } claim && _random.Next(5) > 0 ? claim : _sessions[_random.Next(_sessions.Length)];

    /// <summary>Mostly one that was accepted; now and then one that nobody knows.</summary>
    private EventId AnyId() => _ids.Count > 0 && _random.Next(20) > 0 ? _ids[_random.Next(_ids.Count)] : NextId();

    private EventId NextId()
    {
        var id = new EventId(new UInt128((ulong)++_lastId, _idBits));
        _ids.Add(id);
        return id;
    }

    private string Name(SessionId? session) => session is { } one ? $"s{Array.IndexOf(_sessions, one)}" : "nobody";

    private void Note(string line) => _log.Add(string.Create(CultureInfo.InvariantCulture, $"{_log.Count,4}  {line}"));
}
