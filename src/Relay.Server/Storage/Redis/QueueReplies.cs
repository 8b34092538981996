using System.Text.Json;
using Relay.Protocol;
using Relay.Server.Delivery;
using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <summary>Reads what the scripts answer.</summary>
internal static class QueueReplies
{
    private const int Fixed = 2;
    private const int PerEvent = 7;

    public static EventId Id(string text) =>
        EventId.TryParse(text, out var id) ? id : throw new StoreUnavailableException("Redis holds something that is not an event id where the relay keeps event ids.");

    public static LeaseResult Lease(RedisResult answer)
    {
        if (answer.IsNull)
        {
            return LeaseResult.NotYours;
        }

        var values = (RedisValue[])answer!;
        var events = new LeasedEvent[(values.Length - Fixed) / PerEvent];
        for (var i = 0; i < events.Length; i++)
        {
            events[i] = Leased(values.AsSpan(Fixed + (i * PerEvent), PerEvent));
        }

        return new LeaseResult(events, More: (bool)values[0], NextDue: Time(values[1]), Superseded: false);
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
            AttemptCount: (int)values[4], Failures: (int)values[5], DueAt: Time(values[6]), History(values[7]!));
    }

    private static LeasedEvent Leased(ReadOnlySpan<RedisValue> values) => new(
        Id(values[0]!), Time(values[1])!.Value, (byte[])values[2]!, (byte[])values[3]!,
        Attempt: (int)values[4], Failures: (int)values[5], LossCounted: (bool)values[6]);

    private static DateTimeOffset? Time(RedisValue ms) => ms.IsNullOrEmpty ? null : DateTimeOffset.FromUnixTimeMilliseconds((long)ms);

    private static EventState State(string name) => name switch
    {
        "ready" => EventState.Ready,
        "leased" => EventState.Leased,
        "waiting" => EventState.Waiting,
        "delivered" => EventState.Delivered,
        "dead" => EventState.Dead,
        _ => EventState.Expired,
    };

    private static IReadOnlyList<AttemptRecord> History(string joined) =>
        JsonSerializer.Deserialize($"[{joined}]", AttemptJson.Default.IReadOnlyListAttemptRecord)!;
}
