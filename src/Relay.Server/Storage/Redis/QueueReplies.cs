using System.Globalization;
using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Storage.Redis.Batches;
using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <summary>Reads what the scripts answer.</summary>
internal static class QueueReplies
{
    private const int Fixed = 2;
    private const int PerEvent = 8;
    private const int PerSummary = 8;

    /// <summary>What change_agent.lua publishes; no session has this name.</summary>
    private const string AgentChanged = "agent";

    public static EventId Id(ReadOnlySpan<char> text) =>
        EventId.TryParse(text, out var id) ? id : throw new StoreUnavailableException("Redis holds something that is not an event id where the relay keeps event ids.");

    /// <summary>What comes on an agent's channel.</summary>
    public static QueueSignal Signal(RedisValue message) => (string?)message switch
    {
        null or "" => new QueueSignal(ClaimedBy: null),
        AgentChanged => new QueueSignal(ClaimedBy: null, AgentChanged: true),
        var name => new SessionId(name) is { IsSharing: true } sharing ? new QueueSignal(ClaimedBy: null, TurnOf: sharing) : new QueueSignal(new SessionId(name)),
    };

    /// <param name="id">The event's own.</param>
    /// <param name="answer">What accept.lua says of it.</param>
    public static AcceptResult Accept(EventId id, RedisValue answer)
    {
        if (answer.IsInteger)
        {
            return new AcceptResult((long)answer switch { 0 or 3 => AcceptStatus.Ready, 1 => AcceptStatus.Leased, _ => AcceptStatus.QueueFull }, id, IsConnected: (long)answer == 3);
        }

        return new AcceptResult(AcceptStatus.Duplicate, Id(answer!));
    }

    public static LeaseResult Lease(in LeaseRequest request, RedisResult answer)
    {
        if (answer.IsNull)
        {
            return LeaseResult.NotYours;
        }

        var values = (RedisValue[])answer!;
        var events = new List<LeasedEvent>((values.Length - Fixed) / PerEvent);
        for (var at = Fixed; at < values.Length; at += PerEvent)
        {
            if (values[at + 1].IsNullOrEmpty)
            {
                LeasedBatch.Read(values[at], $"{request.Session.Value} {request.Now.ToUnixTimeMilliseconds()}", values[at + 2]!, values[at + 3]!, events);
            }
            else
            {
                events.Add(Leased(values.AsSpan(at, PerEvent)));
            }
        }

        return new LeaseResult(events, More: (bool)values[0], NextDue: Time(values[1]), Superseded: false);
    }

    public static ClaimResult Claim(RedisResult answer)
    {
        var values = (RedisValue[])answer!;
        return new ClaimResult((long)values[0], [.. new[] { Gap(GapReason.Expired, values[1]!), Gap(GapReason.Dead, values[2]!) }.OfType<Gap>()]);
    }

    public static ExpireResult Expire(RedisResult answer)
    {
        var values = (RedisValue[])answer!;
        return new ExpireResult([.. values.Skip(1).Select(static id => Id(id!))], values[0].IsNullOrEmpty ? null : Id(values[0]!));
    }

    public static StoredEvent? Event(RelayId agent, EventId id, RedisResult answer)
    {
        if (answer.IsNull)
        {
            return null;
        }

        var values = (RedisValue[])answer!;
        return new StoredEvent(
            id, agent, State(values[0]!), Time(values[1])!.Value, (byte[])values[2]!, (byte[])values[3]!,
            AttemptCount: (int)values[4], Failures: (int)values[5], DueAt: Time(values[6]), AttemptLines.Read(values[7]!))
        {
            LossCounted = (bool)values[8],
        };
    }

    /// <summary>Which sets list.lua looks at.</summary>
    public static IEnumerable<RedisValue> SetsOf(EventStatus? status) => status switch
    {
        EventStatus.Queued => ["queued"],
        EventStatus.InFlight => ["leased"],
        EventStatus.Delivered => ["done"],
        EventStatus.Dead => ["dead"],
        EventStatus.Expired => ["expired"],
        _ => ["queued", "leased", "done", "dead", "expired"],
    };

    public static EventPage Page(RedisResult answer)
    {
        var values = (RedisValue[])answer!;
        var events = new EventSummary[(values.Length - 1) / PerSummary];
        for (var i = 0; i < events.Length; i++)
        {
            events[i] = Summary(values.AsSpan(1 + (i * PerSummary), PerSummary));
        }

        return new EventPage(events, values[0].IsNullOrEmpty ? null : Id(values[0]!));
    }

    /// <param name="reason">Of which gap.</param>
    /// <param name="kept">Count, first and last acceptance, or empty.</param>
    private static Gap? Gap(GapReason reason, string kept) => kept.Split(' ') is [var count, var first, var last]
        ? new Gap(reason, long.Parse(count, CultureInfo.InvariantCulture), Time(first)!.Value, Time(last)!.Value)
        : null;

    private static EventSummary Summary(ReadOnlySpan<RedisValue> values)
    {
        var head = (byte[])values[3]!;
        return new EventSummary(
            Id(values[0]!), State(values[1]!), Time(values[2])!.Value, head, BodyBytes: (long)values[4] - head.Length,
            AttemptCount: (int)values[5], Failures: (int)values[6], DueAt: Time(values[7]));
    }

    private static LeasedEvent Leased(ReadOnlySpan<RedisValue> values) => new(
        Id(values[0]!), Time(values[1])!.Value, (byte[])values[2]!, (byte[])values[3]!,
        Attempt: (int)values[4], Failures: (int)values[5], LossCounted: (bool)values[6])
    {
        ReplyBy = Time(values[7]),
    };

    private static DateTimeOffset? Time(RedisValue ms) => ms.IsNullOrEmpty ? null : DateTimeOffset.FromUnixTimeMilliseconds((long)ms);

    private static EventState State(string name) => name switch
    {
        "ready" => EventState.Ready,
        "leased" => EventState.Leased,
        "waiting" => EventState.Waiting,
        "held" => EventState.Held,
        "delivered" => EventState.Delivered,
        "dead" => EventState.Dead,
        _ => EventState.Expired,
    };
}
