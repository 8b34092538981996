using System.Net;
using Xunit.Abstractions;

namespace Relay.Faults.Tests;

/// <summary>Redis fails under load in each of its ways. Senders are refused meanwhile; what they were told is accepted is delivered.</summary>
public sealed class RedisFaultTests(ITestOutputHelper output)
{
    private const int AcceptedBefore = 1000;
    private const int RefusedMeanwhile = 30;
    private const int AcceptedAfter = 200;

    [Fact]
    public Task A_Redis_that_is_loading_refuses_and_loses_nothing() => RunAsync("loading", async redis =>
    {
        await redis.KillAsync();
        await redis.RestartAndLoadAsync("--key-load-delay", "300");
    });

    [Fact]
    public Task A_Redis_that_becomes_read_only_refuses_and_loses_nothing() => RunAsync(
        "read-only",
        redis => redis.SendAsync("REPLICAOF 127.0.0.1 1"),
        redis => redis.SendAsync("REPLICAOF NO ONE"));

    [Fact]
    public Task A_full_Redis_refuses_and_loses_nothing() => RunAsync(
        "full",
        redis => redis.SetAsync("maxmemory", "1"),
        redis => redis.SetAsync("maxmemory", "0"));

    [Fact]
    public Task A_frozen_Redis_refuses_and_loses_nothing() => RunAsync(
        "frozen",
        redis => redis.FreezeAsync(),
        redis => redis.ThawAsync());

    [Fact]
    public async Task A_server_that_is_started_before_Redis_refuses_until_Redis_comes()
    {
        await using var redis = RedisServer.NotStarted();
        await using var server = ServerProcess.Launch(redis.ConnectionString, ServerProcess.FastRetries);
        await server.WhenAliveAsync();
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await server.ReadyAsync());

        await redis.RestartAsync();
        await server.WhenReadyAsync();
        var agent = await server.RegisterAsync();
        var tally = new Tally();
        await using var receiver = new Receiver(server.Url, agent, tally);
        await using (new Senders(server.Http, agent, tally))
        {
            await tally.WhenAcceptedAsync(AcceptedAfter);
        }

        await tally.AssertNothingLostAsync(output, "server started before Redis");
    }

    private async Task RunAsync(string what, Func<RedisServer, Task> fault, Func<RedisServer, Task>? heal = null)
    {
        await using var redis = await RedisServer.StartAsync();
        await using var server = await ServerProcess.StartAsync(redis.ConnectionString, ServerProcess.FastRetries);
        var agent = await server.RegisterAsync();
        var tally = new Tally();
        await using var receiver = new Receiver(server.Url, agent, tally);

        await using (new Senders(server.Http, agent, tally))
        {
            await tally.WhenAcceptedAsync(AcceptedBefore);
            var before = tally.Refused;
            await fault(redis);
            await tally.WhenRefusedAsync(before + RefusedMeanwhile);
            await (heal?.Invoke(redis) ?? Task.CompletedTask);
            await server.WhenReadyAsync();
            await tally.WhenAcceptedAsync(tally.Accepted + AcceptedAfter);
        }

        await tally.AssertNothingLostAsync(output, $"redis {what}");
    }
}
