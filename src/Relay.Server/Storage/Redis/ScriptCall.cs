using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <summary>A call with its own arguments.</summary>
internal sealed class ScriptCall(RedisScript script, string key, RedisValue[] arguments, long sizeBytes) : LaneCall(script, key, sizeBytes)
{
    private readonly TaskCompletionSource<RedisResult> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public RedisValue[] Arguments => arguments;

    public Task<RedisResult> Task => _answer.Task;

    public override void Succeed(RedisResult answer) => _answer.TrySetResult(answer);

    public override void Fail(Exception cause) => _answer.TrySetException(cause);
}
