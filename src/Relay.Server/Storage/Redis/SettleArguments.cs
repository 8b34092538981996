using System.Text.Json;
using Relay.Server.Cluster;
using Relay.Server.Delivery;
using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <summary>What settle.lua is given.</summary>
internal static class SettleArguments
{
    private const int Fixed = 6;
    private const int PerSettlement = 8;

    /// <summary>Redis is as long busy with one as with so many bytes of events that are accepted.</summary>
    private const long WeightBytes = 1 << 10;

    public static RedisValue[] From(IReadOnlyList<Settlement> settlements, DateTimeOffset now, DeliveryOptions delivery, NodeIdentity node, SenderWaits waits)
    {
        var arguments = new RedisValue[Fixed + (settlements.Count * PerSettlement)];
        arguments[0] = now.ToUnixTimeMilliseconds();
        arguments[1] = (long)delivery.DeliveredRetention.TotalMilliseconds;
        arguments[2] = delivery.DeliveredKept;
        arguments[3] = delivery.DeliveredKeptBytes;
        arguments[4] = (long)delivery.DeadLetterRetention.TotalMilliseconds;
        arguments[5] = node.Name;
        for (var i = 0; i < settlements.Count; i++)
        {
            Write(settlements[i], waits, arguments.AsSpan(Fixed + (i * PerSettlement), PerSettlement));
        }

        return arguments;
    }

    /// <summary>What the call counts for where calls are gathered.</summary>
    public static long Weight(IReadOnlyList<Settlement> settlements) => settlements.Count * WeightBytes;

    private static void Write(Settlement settlement, SenderWaits waits, Span<RedisValue> to)
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
        to[5] = settlement.Kind == SettlementKind.Ack ? Reply(settlement, waits) : settlement.DueAt.ToUnixTimeMilliseconds();
        to[6] = settlement.Failures;
        to[7] = settlement.LossCounted ? 1 : 0;
    }

    /// <summary>Empty when the sender waits on this node: it is told without a detour.</summary>
    private static RedisValue Reply(Settlement settlement, SenderWaits waits) =>
        settlement.Reply is { } reply && !waits.Has(settlement.Id) ? AnswerListener.Write(reply) : "";

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
