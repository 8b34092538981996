using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.WebSockets;
using System.Security.Cryptography;
using Relay.Protocol;
using Xunit.Abstractions;

namespace Relay.Faults.Tests.Proxies;

/// <summary>nginx, as it is in <c>deploy/nginx</c>, before two relays on one Redis.</summary>
public sealed class ProxyTests(ITestOutputHelper output) : IAsyncLifetime
{
    private RedisServer _redis = null!;
    private ServerProcess _first = null!;
    private ServerProcess _second = null!;
    private NginxProcess _nginx = null!;
    private HttpClient _http = null!;

    public async Task InitializeAsync()
    {
        _redis = await RedisServer.StartAsync();
        await StartAsync(trusted: "127.0.0.1");
    }

    public async Task DisposeAsync()
    {
        await StopAsync();
        await _redis.DisposeAsync();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_agent_gets_through_it_what_comes_through_it(bool isKeyInHeader)
    {
        var agent = await _first.RegisterAsync();
        using var connected = await ProxiedAgent.ConnectAsync(_nginx, agent, isKeyInHeader);

        // One to each relay.
        for (var number = 1; number <= 2; number++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/v1/webhook/{agent.RelayId}/a%2Fb?c=%20&token=secret-in-query") { Content = new StringContent($"{number}") };
            request.Headers.Add("X-Forwarded-For", "198.51.100.1");
            using var accepted = await _http.SendAsync(request);
            Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);

            var webhook = await connected.ReceiveAsync("webhook");
            await connected.SendAsync($$"""{"type":"ack","id":"{{webhook.GetProperty("id").GetString()}}"}""");
            Assert.Equal(number, webhook.GetProperty("payload").GetInt32());
            Assert.Equal(("/a%2Fb", "c=%20&token=secret-in-query"), (webhook.GetProperty("path").GetString(), webhook.GetProperty("query").GetString()));
            var headers = webhook.GetProperty("headers");
            Assert.Equal(("127.0.0.1", "https"), (headers.GetProperty("x-forwarded-for").GetString(), headers.GetProperty("x-forwarded-proto").GetString()));
            Assert.Equal(headers.GetProperty("x-request-id").GetString(), Assert.Single(accepted.Headers.GetValues("X-Request-Id")));
        }

        Assert.DoesNotContain("secret-in-query", _nginx.AccessLog, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Who_guesses_keys_is_told_apart_only_if_the_proxy_is_believed(bool isTrusted)
    {
        if (!isTrusted)
        {
            await StopAsync();
            await StartAsync(trusted: "127.0.0.9");
        }

        var agent = await _first.RegisterAsync();
        using var guesser = _nginx.CreateClient(IPAddress.Parse("127.0.0.2"));
        using var neighbour = _nginx.CreateClient(IPAddress.Parse("127.0.0.3"));
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(HttpStatusCode.Unauthorized, await AskAsync(guesser, agent, ApiKey.New().Reveal(), spoofed: $"198.51.100.{i}"));
        }

        Assert.Equal(HttpStatusCode.TooManyRequests, await AskAsync(guesser, agent, ApiKey.New().Reveal(), spoofed: "198.51.100.9"));
        Assert.Equal(isTrusted ? HttpStatusCode.OK : HttpStatusCode.TooManyRequests, await AskAsync(neighbour, agent, agent.ApiKey));
    }

    [Fact]
    public async Task The_largest_body_passes_and_a_larger_one_does_not()
    {
        var agent = await _first.RegisterAsync();
        using var connected = await ProxiedAgent.ConnectAsync(_nginx, agent);
        var body = RandomNumberGenerator.GetBytes(1 << 20);

        using var accepted = await _http.PostAsync(Webhook(agent), new ByteArrayContent(body));
        Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);
        Assert.Equal(body, (await connected.ReceiveAsync("webhook")).GetProperty("body").GetBytesFromBase64());

        using var refused = await _http.PostAsync(Webhook(agent), new ByteArrayContent(new byte[(1 << 20) + 1]));
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, refused.StatusCode);
    }

    [Theory]
    [InlineData("1.1")]
    [InlineData("2.0")]
    public async Task A_sender_waits_for_the_agents_answer(string version)
    {
        var agent = await _first.RegisterAsync();
        using var connected = await ProxiedAgent.ConnectAsync(_nginx, agent);
        var answering = AnswerAsync(connected);

        // At the relay that has the agent's connection, and at the other one.
        for (var i = 0; i < 2; i++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, Webhook(agent)) { Version = Version.Parse(version), VersionPolicy = HttpVersionPolicy.RequestVersionExact, Content = new StringContent("{}") };
            request.Headers.Add("Prefer", "wait=30");
            using var answer = await _http.SendAsync(request);
            Assert.Equal((HttpStatusCode.Created, "done", Version.Parse(version)), (answer.StatusCode, await answer.Content.ReadAsStringAsync(), answer.Version));
        }

        connected.Dispose();
        await answering;
    }

    [Theory]
    [InlineData("1.1")]
    [InlineData("2.0")]
    public async Task The_feed_is_not_held_back(string version)
    {
        var agent = await _first.RegisterAsync();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/feed") { Version = Version.Parse(version), VersionPolicy = HttpVersionPolicy.RequestVersionExact };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", agent.ApiKey);
        using var feed = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(HttpStatusCode.OK, feed.StatusCode);
        using var lines = new StreamReader(await feed.Content.ReadAsStreamAsync());

        // On both: it shows what happens on its node.
        await _first.PostAsync(agent, 1);
        await _second.PostAsync(agent, 2);

        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (await lines.ReadLineAsync(patience.Token) is { } line && !line.StartsWith("data:", StringComparison.Ordinal))
        {
        }

        Assert.False(patience.IsCancellationRequested);
    }

    [Fact]
    public async Task Without_TLS_it_says_so()
    {
        var agent = await _first.RegisterAsync();
        using var connected = await ProxiedAgent.ConnectAsync(_nginx, agent);

        using var accepted = await _http.PostAsync(new Uri(_nginx.PlainUrl, $"/api/v1/webhook/{agent.RelayId}"), new StringContent("{}"));

        Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);
        Assert.Equal("http", (await connected.ReceiveAsync("webhook")).GetProperty("headers").GetProperty("x-forwarded-proto").GetString());
    }

    [Fact]
    public async Task A_relay_that_is_killed_and_started_again_loses_nothing_and_its_agent_goes_on_at_the_other()
    {
        var agent = await _first.RegisterAsync();
        var tally = new Tally();
        using var stop = new CancellationTokenSource();
        var receiving = ReceiveAsync(agent, tally, stop.Token);
        await using (new Senders(_http, agent, tally, count: 4))
        {
            var accepted = 100;
            foreach (var relay in (ServerProcess[])[_first, _second, _first])
            {
                await tally.WhenAcceptedAsync(accepted += 100);
                await relay.KillAsync();

                // The other one alone.
                await tally.WhenAcceptedAsync(accepted = tally.Accepted + 100);
                await tally.WhenDeliveredAsync(tally.Delivered + 50);
                await relay.StartAsync();
                accepted = tally.Accepted;
            }
        }

        await tally.AssertNothingLostAsync(output, "relays behind nginx killed 3 times");
        await stop.CancelAsync();
        await receiving;
    }

    private async Task StartAsync(string trusted)
    {
        (string, string)[] settings =
            [.. ServerProcess.FastRetries, ("Relay__Http__TrustedProxies__0", trusted), ("Relay__RateLimit__FailedAuthenticationsPerMinute", "3")];
        _first = await ServerProcess.StartAsync(_redis.ConnectionString, settings);
        _second = await ServerProcess.StartAsync(_redis.ConnectionString, settings);
        _nginx = await NginxProcess.StartAsync(_first.Url, _second.Url);
        _http = _nginx.CreateClient();
    }

    private async Task StopAsync()
    {
        _http.Dispose();
        await _nginx.DisposeAsync();
        await _second.DisposeAsync();
        await _first.DisposeAsync();
    }

    private static Uri Webhook(RegisterResponse agent) => new($"/api/v1/webhook/{agent.RelayId}", UriKind.Relative);

    private static async Task<HttpStatusCode> AskAsync(HttpClient client, RegisterResponse agent, string key, string? spoofed = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/v1/agents/{agent.RelayId}");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        if (spoofed is not null)
        {
            request.Headers.Add("X-Forwarded-For", spoofed);
        }

        using var answer = await client.SendAsync(request);
        return answer.StatusCode;
    }

    /// <summary>Replies to all until the connection is disposed.</summary>
    private static async Task AnswerAsync(ProxiedAgent connected)
    {
        try
        {
            while (true)
            {
                var webhook = await connected.ReceiveAsync("webhook");
                await connected.SendAsync($$"""{"type":"reply","id":"{{webhook.GetProperty("id").GetString()}}","status":201,"body":"done"}""");
            }
        }
        catch (Exception exception) when (exception is WebSocketException or OperationCanceledException or ObjectDisposedException)
        {
        }
    }

    /// <summary>Connects again whenever it was cut off.</summary>
    private async Task ReceiveAsync(RegisterResponse agent, Tally tally, CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                using var connected = await ProxiedAgent.ConnectAsync(_nginx, agent);
                await using var stop = stopping.Register(connected.Dispose);
                while (true)
                {
                    var webhook = await connected.ReceiveAsync("webhook");
                    tally.Deliver(int.Parse(webhook.GetProperty("payload").GetRawText(), CultureInfo.InvariantCulture));
                    await connected.SendAsync($$"""{"type":"ack","id":"{{webhook.GetProperty("id").GetString()}}"}""");
                }
            }
            catch (Exception exception) when (exception is WebSocketException or IOException or OperationCanceledException or ObjectDisposedException)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, CancellationToken.None);
            }
        }
    }
}
