using System.Globalization;
using System.Net;
using Relay.Client;

namespace Relay.Faults.Tests;

/// <summary>Senders wait on one server for an agent that is connected to another.</summary>
public sealed class WaitingSenderTests
{
    private const int Senders = 50;

    [Fact]
    public async Task Replies_reach_the_senders_across_servers()
    {
        await using var redis = await RedisServer.StartAsync();
        await using var here = await ServerProcess.StartAsync(redis.ConnectionString);
        await using var there = await ServerProcess.StartAsync(redis.ConnectionString);
        var agent = await here.RegisterAsync();
        await using var client = new RelayClient(new RelayClientOptions { Url = there.Url.ToString(), ApiKey = agent.ApiKey });
        var connected = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        client.Connected += _ => connected.TrySetResult();
        using var stop = new CancellationTokenSource();
        var run = client.RunAsync(static (delivery, _) => Task.FromResult<RelayReply?>(RelayReply.Text($"heard {delivery.Text}")), stop.Token);
        await connected.Task;

        var answers = await Task.WhenAll(Enumerable.Range(0, Senders).Select(async number =>
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/v1/webhook/{agent.RelayId}")
            {
                Headers = { { "Prefer", "wait=60" } },
                Content = new StringContent(number.ToString(CultureInfo.InvariantCulture)),
            };
            using var response = await here.Http.SendAsync(request);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            return await response.Content.ReadAsStringAsync();
        }));

        Assert.Equal(Enumerable.Range(0, Senders).Select(static number => $"heard {number}"), answers);
        await stop.CancelAsync();
        await run.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
    }
}
