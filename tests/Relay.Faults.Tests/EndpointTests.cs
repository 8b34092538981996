using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;
using Relay.Protocol;
using Xunit.Abstractions;

namespace Relay.Faults.Tests;

/// <summary>An agent that never connects: its events are posted to its endpoint, whatever dies meanwhile.</summary>
public sealed class EndpointTests(ITestOutputHelper output)
{
    private const int Kills = 3;
    private const int AcceptedBetweenKills = 200;

    [Theory]
    [InlineData("embedded")]
    [InlineData("redis")]
    public async Task A_killed_server_posts_all_that_it_accepted(string store)
    {
        await using var redis = store == "redis" ? await RedisServer.StartAsync() : null;
        await using var server = await ServerProcess.StartAsync(
            redis?.ConnectionString, [.. ServerProcess.FastRetries, ("Relay__HttpFallback__AllowedNetworks__0", "127.0.0.0/8")]);
        var tally = new Tally();
        await using var endpoint = await StartEndpointAsync(tally);
        var agent = await server.RegisterAsync(new RegisterRequest { HttpEndpoint = endpoint.Urls.Single() });

        await using (new Senders(server.Http, agent, tally))
        {
            for (var kill = 1; kill <= Kills; kill++)
            {
                await tally.WhenAcceptedAsync(kill * AcceptedBetweenKills);
                await server.KillAsync();
                await server.StartAsync();
            }
        }

        await tally.AssertNothingLostAsync(output, $"{store}, posted to an endpoint, server killed {Kills} times");
    }

    private static async Task<WebApplication> StartEndpointAsync(Tally tally)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(static kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var endpoint = builder.Build();
        endpoint.Run(async context =>
        {
            using var post = await JsonDocument.ParseAsync(context.Request.Body);
            tally.Deliver(Number(post.RootElement));
        });
        await endpoint.StartAsync();
        return endpoint;
    }

    /// <summary>The event's own body: the payload if that is it, else the exact bytes beside it.</summary>
    private static int Number(JsonElement post) => post.TryGetProperty("body", out var exact)
        ? int.Parse(Encoding.UTF8.GetString(exact.GetBytesFromBase64()), CultureInfo.InvariantCulture)
        : post.GetProperty("payload").GetInt32();
}
