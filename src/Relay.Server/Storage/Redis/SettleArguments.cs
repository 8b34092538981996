using Relay.Server.Cluster;
using Relay.Server.Delivery;
using Relay.Server.Storage.Redis.Batches;
using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <summary>What settle.lua is given. Any thread.</summary>
internal sealed class SettleArguments(DeliveryOptions delivery, NodeIdentity node, SenderWaits waits)
{
    private const int Always = 7;
    private const int PerRun = 8;

    /// <summary>Redis is as long busy with one, without its reply, as with so many bytes of events that are accepted.</summary>
    private const long WeightBytes = 1 << 10;

    private readonly RedisValue[] _settings =
    [
        RedisArgument.Of(delivery.DeliveredRetention), RedisArgument.Of(delivery.DeliveredKept), RedisArgument.Of(delivery.DeliveredKeptBytes),
        RedisArgument.Of(delivery.DeadLetterRetention), node.Name,
    ];

    public RedisValue[] From(SettleCall call, DateTimeOffset now)
    {
        var (settlements, runs) = (call.Others, 0);
        for (var i = 0; i < settlements.Count; i = EndOfRun(settlements, i))
        {
            runs++;
        }

        var arguments = new RedisValue[Always + call.ArgumentCount + (runs * PerRun) + settlements.Count];
        arguments[0] = RedisArgument.Of(now);
        _settings.CopyTo(arguments, 1);
        arguments[Always - 1] = RedisArgument.Of(call.BatchCount);
        call.Write(now, arguments.AsSpan(Always));
        var at = Always + call.ArgumentCount;
        for (var i = 0; i < settlements.Count;)
        {
            var end = EndOfRun(settlements, i);
            Write(settlements[i], end - i, arguments.AsSpan(at, PerRun));
            at += PerRun;
            for (; i < end; i++)
            {
                arguments[at++] = RedisArgument.Of(settlements[i].Id);
            }
        }

        return arguments;
    }

    /// <summary>What the call counts for where calls are gathered.</summary>
    public long Weight(SettleCall call)
    {
        var settlements = call.Others;
        var weight = (call.BatchCount + settlements.Count) * WeightBytes;
        for (var i = 0; i < settlements.Count; i++)
        {
            weight += Sent(settlements[i])?.SizeBytes ?? 0;
        }

        return weight;
    }

    private static int EndOfRun(IReadOnlyList<Settlement> settlements, int first)
    {
        var end = first + 1;
        while (end < settlements.Count && settlements[end].IsAlike(settlements[first]))
        {
            end++;
        }

        return end;
    }

    private void Write(Settlement alike, int count, Span<RedisValue> to)
    {
        to[0] = RedisArgument.Of(count);
        to[1] = alike.Kind switch
        {
            SettlementKind.Ack => "ack",
            SettlementKind.Retry => "retry",
            SettlementKind.DeadLetter => "dead",
            _ => "expired",
        };
        to[2] = alike.Session.Value;
        to[3] = AttemptLines.Name(alike.Outcome);
        to[4] = alike.Reason is { } reason ? AttemptLines.Write(reason) : RedisValue.EmptyString;
        to[5] = alike.Kind == SettlementKind.Ack ? Reply(alike) : RedisArgument.Of(alike.DueAt);
        to[6] = RedisArgument.Of(alike.Failures);
        to[7] = RedisArgument.Of((2L * alike.Attempt) + (alike.LossCounted ? 1 : 0));
    }

    private RedisValue Reply(Settlement settlement) => Sent(settlement) is { } reply ? AnswerListener.Write(reply) : RedisValue.EmptyString;

    /// <summary>Nothing when the sender waits on this node: it is told without a detour.</summary>
    private AgentReply? Sent(Settlement settlement) => settlement.Reply is { } reply && !waits.Has(settlement.Id) ? reply : null;
}
