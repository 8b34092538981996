using Relay.Server.Cluster;
using Relay.Server.Delivery;
using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <summary>What accept.lua is given. Any thread.</summary>
internal sealed class AcceptArguments(NodeIdentity node)
{
    private const int Always = 7;

    /// <summary>Most agents have the same.</summary>
    private volatile KnownTerms? _known;

    public RedisValue[] From(NewEvent accepted, AcceptTerms terms)
    {
        // Those at the end that are empty are left out: most events have none of them, and each costs Redis time.
        ReadOnlySpan<RedisValue> last =
        [
            accepted.IdempotencyKey is { } key ? Convert.ToHexStringLower(key) : RedisValue.EmptyString,
            accepted.OrderingKey is { } order ? Convert.ToHexStringLower(order) : RedisValue.EmptyString,
            accepted.ReplyBy is { } replyBy ? $"{replyBy.ToUnixTimeMilliseconds()} {node.Name}" : RedisValue.EmptyString,
            terms.Lease is { } shared ? Said(shared.Session, shared.Room) : RedisValue.EmptyString,
        ];
        while (last is [.., { IsNullOrEmpty: true }])
        {
            last = last[..^1];
        }

        var arguments = new RedisValue[Always + last.Length];
        arguments[0] = RedisArgument.Of(accepted.Id);
        arguments[1] = RedisArgument.Of(accepted.AcceptedAt);
        arguments[2] = RedisArgument.Of(accepted.Head);
        arguments[3] = RedisArgument.Of(accepted.Body);
        arguments[4] = Written(terms);
        arguments[5] = terms.Lease?.Session.Value ?? "";
        arguments[6] = terms.Lease is { } lease ? RedisArgument.Of(lease.Until) : RedisArgument.Of(0);
        last.CopyTo(arguments.AsSpan(Always));
        return arguments;
    }

    /// <summary>What a session that shares the agent says of itself.</summary>
    public RedisValue Said(SessionId session, int? room) => session.IsSharing && room is { } free ? $"{free} {node.Name}" : RedisValue.EmptyString;

    /// <summary>How much of the agent's may wait, and how long its idempotency keys are remembered.</summary>
    public RedisValue Written(in AcceptTerms terms)
    {
        if (_known is { } known && known.Events == terms.MaxQueuedEvents && known.Bytes == terms.MaxQueuedBytes && known.Window == terms.IdempotencyWindow)
        {
            return known.Written;
        }

        RedisValue written = $"{terms.MaxQueuedEvents} {terms.MaxQueuedBytes} {(long)terms.IdempotencyWindow.TotalMilliseconds}";
        _known = new KnownTerms(terms.MaxQueuedEvents, terms.MaxQueuedBytes, terms.IdempotencyWindow, written);
        return written;
    }

    private sealed record KnownTerms(long Events, long Bytes, TimeSpan Window, RedisValue Written);
}
