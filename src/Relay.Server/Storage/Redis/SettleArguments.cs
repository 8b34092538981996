using Relay.Server.Cluster;
using Relay.Server.Delivery;
using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <summary>What settle.lua is given.</summary>
internal static class SettleArguments
{
    private const int Fixed = 6;
    private const int PerRun = 8;

    /// <summary>Redis is as long busy with one as with so many bytes of events that are accepted.</summary>
    private const long WeightBytes = 1 << 10;

    public static RedisValue[] From(IReadOnlyList<Settlement> settlements, DateTimeOffset now, DeliveryOptions delivery, NodeIdentity node, SenderWaits waits)
    {
        var arguments = new List<RedisValue>(Fixed + PerRun + settlements.Count)
        {
            now.ToUnixTimeMilliseconds(),
            (long)delivery.DeliveredRetention.TotalMilliseconds,
            delivery.DeliveredKept,
            delivery.DeliveredKeptBytes,
            (long)delivery.DeadLetterRetention.TotalMilliseconds,
            node.Name,
        };
        for (var from = 0; from < settlements.Count;)
        {
            var first = settlements[from];
            var to = from + 1;
            while (to < settlements.Count && settlements[to].IsAlike(first))
            {
                to++;
            }

            AddRun(arguments, first, to - from, waits);
            for (; from < to; from++)
            {
                arguments.Add(settlements[from].Id.ToString());
            }
        }

        return [.. arguments];
    }

    /// <summary>What the call counts for where calls are gathered.</summary>
    public static long Weight(IReadOnlyList<Settlement> settlements) => settlements.Count * WeightBytes;

    private static void AddRun(List<RedisValue> arguments, Settlement alike, int count, SenderWaits waits)
    {
        arguments.Add(count);
        arguments.Add(alike.Kind switch
        {
            SettlementKind.Ack => "ack",
            SettlementKind.Retry => "retry",
            SettlementKind.DeadLetter => "dead",
            _ => "expired",
        });
        arguments.Add(alike.Session.Value);
        arguments.Add(AttemptLines.Name(alike.Outcome));
        arguments.Add(alike.Reason is { } reason ? AttemptLines.Write(reason) : "");
        arguments.Add(alike.Kind == SettlementKind.Ack ? Reply(alike, waits) : alike.DueAt.ToUnixTimeMilliseconds());
        arguments.Add(alike.Failures);
        arguments.Add(alike.LossCounted ? 1 : 0);
    }

    /// <summary>Empty when the sender waits on this node: it is told without a detour.</summary>
    private static RedisValue Reply(Settlement settlement, SenderWaits waits) =>
        settlement.Reply is { } reply && !waits.Has(settlement.Id) ? AnswerListener.Write(reply) : "";
}
