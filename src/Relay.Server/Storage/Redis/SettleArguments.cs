using System.Text.Json;
using Relay.Server.Delivery;
using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <summary>What settle.lua is given.</summary>
internal static class SettleArguments
{
    private const int Fixed = 5;
    private const int PerSettlement = 8;

    public static RedisValue[] From(IReadOnlyList<Settlement> settlements, DateTimeOffset now, DeliveryOptions delivery)
    {
        var arguments = new RedisValue[Fixed + (settlements.Count * PerSettlement)];
        arguments[0] = now.ToUnixTimeMilliseconds();
        arguments[1] = (long)delivery.DeliveredRetention.TotalMilliseconds;
        arguments[2] = delivery.DeliveredKept;
        arguments[3] = delivery.DeliveredKeptBytes;
        arguments[4] = (long)delivery.DeadLetterRetention.TotalMilliseconds;
        for (var i = 0; i < settlements.Count; i++)
        {
            Write(settlements[i], arguments.AsSpan(Fixed + (i * PerSettlement), PerSettlement));
        }

        return arguments;
    }

    private static void Write(Settlement settlement, Span<RedisValue> to)
    {
        to[0] = settlement.Id.ToString();
        to[1] = settlement.Kind switch
        {
            SettlementKind.Ack => "ack",
            SettlementKind.Retry => "retry",
            SettlementKind.DeadLetter => "dead",
            _ => "expired",
        };
        to[2] = settlement.Session.Value;
        to[3] = Outcome(settlement.Outcome);
        to[4] = settlement.Reason is { } reason ? $"\"{JsonEncodedText.Encode(reason)}\"" : "";
        to[5] = settlement.DueAt.ToUnixTimeMilliseconds();
        to[6] = settlement.Failures;
        to[7] = settlement.LossCounted ? 1 : 0;
    }

    /// <summary>As <see cref="AttemptJson"/> reads it.</summary>
    private static string Outcome(AttemptOutcome outcome) => outcome switch
    {
        AttemptOutcome.Acked => "acked",
        AttemptOutcome.Nacked => "nacked",
        AttemptOutcome.TimedOut => "timed_out",
        AttemptOutcome.ConnectionLost => "connection_lost",
        AttemptOutcome.Released => "released",
        AttemptOutcome.LeaseExpired => "lease_expired",
        _ => "expired",
    };
}
