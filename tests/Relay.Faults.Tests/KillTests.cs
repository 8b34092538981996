using System.Globalization;
using Relay.Client;
using Relay.Protocol;
using Relay.Tests.Shared;
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
        await using var receiver = Receive(proxy.Url, agent, tally);

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

    /// <summary>What was in flight when the server died comes again soon, so that the test ends soon.</summary>
    private static (string, string)[] FastRetries => [("Relay__Delivery__AckTimeout", "00:00:02"), ("Relay__Delivery__RetryDelays__0", "00:00:00.100")];

    private static Receiver Receive(ServerProcess server, RegisterResponse agent, Tally tally) => Receive(server.Url, agent, tally);

    private static Receiver Receive(Uri url, RegisterResponse agent, Tally tally) => new(url, agent, tally);

    /// <summary>An agent on the product's own client: it reconnects by itself.</summary>
    private sealed class Receiver : IAsyncDisposable
    {
        private readonly RelayClient _client;
        private readonly CancellationTokenSource _stop = new();
        private readonly Task _run;

        public Receiver(Uri url, RegisterResponse agent, Tally tally)
        {
            _client = new RelayClient(new RelayClientOptions
            {
                Url = url.ToString(),
                ApiKey = agent.ApiKey,
                SigningSecret = agent.SigningSecret,
                ReconnectBaseDelay = TimeSpan.FromMilliseconds(50),
                DrainTimeout = TimeSpan.FromSeconds(1),
            });
            _run = _client.RunAsync(
                (delivery, _) =>
                {
                    tally.Deliver(int.Parse(delivery.Text, CultureInfo.InvariantCulture));
                    return Task.CompletedTask;
                },
                _stop.Token);
        }

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _run;
            await _client.DisposeAsync();
            _stop.Dispose();
        }
    }
}
