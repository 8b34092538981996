using Relay.Server.Storage.Redis;

namespace Relay.Server.Tests.Storage.Redis;

public sealed class RedisErrorsTests
{
    [Theory]
    [InlineData("LOADING Redis is loading the dataset in memory", "loading")]
    [InlineData("READONLY You can't write against a read only replica.", "replica")]
    [InlineData("-OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'", "memory")]
    [InlineData("ERR Error running script: @user_script:5: -OOM command not allowed when used memory > 'maxmemory'.", "memory")]
    [InlineData("MISCONF Errors writing to the AOF file: No space left on device", "disk")]
    [InlineData("CLUSTERDOWN The cluster is down", "Cluster")]
    [InlineData("NOREPLICAS Not enough good replicas to write.", "replicas")]
    [InlineData("NOAUTH Authentication required.", "password")]
    [InlineData("NOPERM this user has no permissions to run the 'evalsha' command", "user")]
    [InlineData("BUSY Redis is busy running a script.", "busy")]
    [InlineData("ERR Error compiling script (new function): user_script:1: unexpected symbol near '#'", "7.0")]
    [InlineData("ERR something new", "ERR something new")]
    public void The_cause_is_named(string answer, string cause) =>
        Assert.Contains(cause, RedisErrors.Explain(answer), StringComparison.Ordinal);

    [Fact]
    public void Arguments_that_redis_repeats_are_not_passed_on() => Assert.Equal(
        "Redis refused the call: ERR unknown command 'EVALSHA'",
        RedisErrors.Explain("ERR unknown command 'EVALSHA', with args beginning with: 'secret' "));
}
