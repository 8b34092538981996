using Relay.Protocol;
using Xunit.Abstractions;

namespace Relay.Faults.Tests;

/// <summary>Kills processes while senders post, and counts: every event that was answered with 2xx is delivered.</summary>
public sealed class KillTests(ITestOutputHelper output)
{
    private const int Kills = 5;
    private const int AcceptedBetweenKills = 300;

    [Theory]
    [InlineData("embedded")]
    [InlineData("redis")]
    public async Task A_killed_server_loses_nothing_that_it_accepted(string store)
    {
        await using var redis = store == "redis" ? await RedisServer.StartAsync() : null;
        await using var server = await ServerProcess.StartAsync(redis?.ConnectionString, FastRetries);
        var agent = await server.RegisterAsync();
        var tally = new Tally();
        await using var receiver = Receive(server, agent, tally);

        await using (new Senders(server.Http, agent, tally))
        {
            for (var kill = 1; kill <= Kills; kill++)
            {
                await tally.WhenAcceptedAsync(kill * AcceptedBetweenKills);
                await server.KillAsync();
                await server.StartAsync();
            }
        }

        await tally.AssertNothingLostAsync(output, $"{store}, server killed {Kills} times");
    }

    /// <summary>Their log is brought into the file several times between two kills, so that some come in the middle of it.</summary>
    [Fact]
    public async Task A_killed_server_loses_no_large_event_of_the_embedded_store()
    {
        await using var server = await ServerProcess.StartAsync(null, FastRetries);
        var agent = await server.RegisterAsync();
        var tally = new Tally();
        await using var receiver = Receive(server, agent, tally);

        await using (new Senders(server.Http, agent, tally, bodyBytes: 200 << 10))
        {
            for (var kill = 1; kill <= Kills; kill++)
            {
                await tally.WhenAcceptedAsync(kill * AcceptedBetweenKills * 2);
                await server.KillAsync();
                await server.StartAsync();
            }
        }

        await tally.AssertNothingLostAsync(output, $"embedded, 200 KiB each, server killed {Kills} times");
    }

    [Theory]
    [InlineData("embedded")]
    [InlineData("redis")]
    public async Task What_waits_for_an_absent_agent_outlives_a_killed_server(string store)
    {
        await using var redis = store == "redis" ? await RedisServer.StartAsync() : null;
        await using var server = await ServerProcess.StartAsync(redis?.ConnectionString);
        var agent = await server.RegisterAsync();
        var tally = new Tally();
        await using (new Senders(server.Http, agent, tally))
        {
            await tally.WhenAcceptedAsync(AcceptedBetweenKills);
            await server.KillAsync();
        }

        await server.StartAsync();

        await using var receiver = Receive(server, agent, tally);
        await tally.AssertNothingLostAsync(output, $"{store}, server killed between post and receive");
    }

    [Fact]
    public async Task A_killed_Redis_loses_nothing_and_the_server_goes_on_when_it_is_back()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var server = await ServerProcess.StartAsync(redis.ConnectionString, FastRetries);
        var agent = await server.RegisterAsync();
        var tally = new Tally();
        await using var receiver = Receive(server, agent, tally);

        await using (new Senders(server.Http, agent, tally))
        {
            for (var kill = 1; kill <= Kills; kill++)
            {
                await tally.WhenAcceptedAsync(kill * AcceptedBetweenKills);
                await redis.KillAsync();
                await redis.RestartAsync();
                await server.WhenReadyAsync();
            }
        }

        await tally.AssertNothingLostAsync(output, $"redis killed {Kills} times");
    }

    [Theory]
    [InlineData("embedded")]
    [InlineData("redis")]
    public async Task A_cut_connection_loses_nothing(string store)
    {
        await using var redis = store == "redis" ? await RedisServer.StartAsync() : null;
        await using var server = await ServerProcess.StartAsync(redis?.ConnectionString, FastRetries);
        await using var proxy = new CutProxy(server.Url);
        var agent = await server.RegisterAsync();
        var tally = new Tally();
        await using var receiver = new Receiver(proxy.Url, agent, tally);

        await using (new Senders(server.Http, agent, tally))
        {
            for (var cut = 1; cut <= Kills; cut++)
            {
                await tally.WhenAcceptedAsync(cut * AcceptedBetweenKills);
                proxy.CutAll();
            }
        }

        await tally.AssertNothingLostAsync(output, $"{store}, connection cut {Kills} times");
    }

    private static (string, string)[] FastRetries => ServerProcess.FastRetries;

    private static Receiver Receive(ServerProcess server, RegisterResponse agent, Tally tally) => new(server.Url, agent, tally);
}
