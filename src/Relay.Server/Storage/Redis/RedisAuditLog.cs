using Relay.Server.Audit;

namespace Relay.Server.Storage.Redis;

/// <summary>One stream, kept by the scripts that keep agents' logs; it has no end.</summary>
internal sealed class RedisAuditLog(RedisLanes lanes, RedisKeys keys) : IAuditLog
{
    private RedisLane Lane => lanes.All[0];

    public Task AppendAsync(AuditEntry entry) => Lane.RunAsync(RedisScript.Log, keys.Audit, IAuditLog.MostKept, "", AuditJson.Write(entry));

    public async Task<AuditPage> ReadAsync(long? before, int limit)
    {
        var answer = (StackExchange.Redis.RedisValue[])(await Lane.RunAsync(RedisScript.ReadLog, keys.Audit, before ?? -1, limit + 1))!;
        return AuditPage.Of([.. answer.Chunk(2).Select(static pair => ((long)pair[0], AuditJson.Read((byte[])pair[1]!)))], limit);
    }
}
