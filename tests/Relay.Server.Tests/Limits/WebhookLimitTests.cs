using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Relay.Protocol;
using Relay.Server.Limits;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Limits;

/// <summary>How many webhooks an agent takes in a minute.</summary>
public sealed class WebhookLimitTests
{
    [Theory, OnEachStore]
    public async Task More_than_a_minute_brings_is_refused_and_says_when_to_come_again(string store)
    {
        await using var relay = await StartAsync(store, perMinute: 3);
        var agent = await relay.RegisterAsync();
        var neighbour = await relay.RegisterAsync();

        for (var left = 2; left >= 0; left--)
        {
            using var accepted = await relay.PostAsync(agent, "{}"u8.ToArray());
            Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);
            Assert.Equal(("3", left), (Header(accepted, "X-RateLimit-Limit"), int.Parse(Header(accepted, "X-RateLimit-Remaining"), CultureInfo.InvariantCulture)));
            Assert.Equal(20 * (3 - left), int.Parse(Header(accepted, "X-RateLimit-Reset"), CultureInfo.InvariantCulture));
        }

        using var refused = await relay.PostAsync(agent, "{}"u8.ToArray());
        await Expect.ErrorAsync(refused, HttpStatusCode.TooManyRequests, "rate_limit_exceeded");
        Assert.Equal(("3", "0", "60"), (Header(refused, "X-RateLimit-Limit"), Header(refused, "X-RateLimit-Remaining"), Header(refused, "X-RateLimit-Reset")));
        Assert.InRange(refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 20);
        await relay.QueueAsync(neighbour);
    }

    [Theory, OnEachStore]
    public async Task The_body_of_what_is_refused_is_not_awaited(string store)
    {
        await using var relay = await StartAsync(store, perMinute: 1);
        var agent = await relay.RegisterAsync();
        await relay.QueueAsync(agent);

        using var client = new TcpClient();
        await client.ConnectAsync(relay.Url.Host, relay.Url.Port);
        await using var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"POST /api/v1/webhook/{agent.RelayId} HTTP/1.1\r\nHost: relay\r\nContent-Length: 1000000\r\n\r\n"));

        using var reader = new StreamReader(stream);
        Assert.Equal("HTTP/1.1 429 Too Many Requests", await reader.ReadLineAsync().WaitAsync(RelayHost.Patience));
    }

    [Theory, OnEachStore]
    public async Task An_agent_may_have_another_limit_or_none(string store)
    {
        await using var relay = await StartAsync(store, perMinute: 1);
        var more = await relay.RegisterAsync("""{"delivery":{"webhooks_per_minute":2}}""");
        var free = await relay.RegisterAsync("""{"delivery":{"webhooks_per_minute":0}}""");

        await relay.QueueAsync(more);
        await relay.QueueAsync(more);
        using var refused = await relay.PostAsync(more, "{}"u8.ToArray());
        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);

        for (var i = 0; i < 5; i++)
        {
            using var accepted = await relay.PostAsync(free, "{}"u8.ToArray());
            Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);
            Assert.False(accepted.Headers.Contains("X-RateLimit-Limit"));
        }
    }

    [Fact]
    public async Task One_process_fills_the_bucket_again()
    {
        var limiter = new LocalRateLimiter(TimeProvider.System);
        var agent = LimitKey.Of(RelayId.New());
        Assert.Equal(600, await TakeAllAsync(limiter, agent, perMinute: 600, most: 600));

        await Eventually.AsyncTrue(async () => (await limiter.TakeAsync(agent, 600)).IsGranted);
    }

    [Fact]
    public async Task Nodes_together_grant_what_one_would()
    {
        const int PerMinute = 1000;
        await using var relay = await RelayHost.StartAsync("redis", ownClock: true);
        await using var other = relay.StartAnother();
        var agent = LimitKey.Of(RelayId.New());
        IRateLimiter[] nodes = [relay.Services.GetRequiredService<IRateLimiter>(), other.Services.GetRequiredService<IRateLimiter>()];

        // Both at once, until neither grants any more; then what 6 s have brought.
        for (var (round, due) = (0, PerMinute); round < 3; (round, due) = (round + 1, 100))
        {
            var granted = await Task.WhenAll(nodes.Select(node => TakeAllAsync(node, agent, PerMinute, 2 * PerMinute)));
            Assert.InRange(granted.Sum(), due * 9 / 10, due);
            relay.Clock!.Advance(TimeSpan.FromSeconds(6));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task In_no_stretch_of_time_do_nodes_grant_more_than_the_bucket_and_what_the_time_brings(int seed)
    {
        const int PerMinute = 3000;
        await using var relay = await RelayHost.StartAsync("redis", ownClock: true);
        await using var other = relay.StartAnother();
        var agent = LimitKey.Of(RelayId.New());
        IRateLimiter[] nodes = [relay.Services.GetRequiredService<IRateLimiter>(), other.Services.GetRequiredService<IRateLimiter>()];
        var random = new Random(seed);
        List<(double At, int Granted)> all = [];
        var now = 0.0;
        for (var step = 0; step < 60; step++)
        {
            var granted = 0;
            for (var asked = random.Next(4) == 0 ? random.Next(2000) : random.Next(20); asked > 0; asked--)
            {
                granted += (await nodes[random.Next(2)].TakeAsync(agent, PerMinute)).IsGranted ? 1 : 0;
            }

            all.Add((now, granted));
            var pause = random.Next(5) == 0 ? random.Next(30_000) : random.Next(1500);
            relay.Clock!.Advance(TimeSpan.FromMilliseconds(pause));
            now += pause / 1000.0;
        }

        for (var first = 0; first < all.Count; first++)
        {
            var sum = 0;
            for (var last = first; last < all.Count; last++)
            {
                sum += all[last].Granted;
                Assert.True(sum <= PerMinute + ((all[last].At - all[first].At + 0.001) * PerMinute / 60) + 1, $"{sum} from {all[first].At} s to {all[last].At} s");
            }
        }
    }

    [Fact]
    public async Task A_busy_agent_seldom_asks_the_store()
    {
        var store = new CountedPermits();
        var limiter = new SharedRateLimiter(store, new FakeTimeProvider());
        var agent = LimitKey.Of(RelayId.New());

        for (var i = 0; i < 3000; i++)
        {
            Assert.True((await limiter.TakeAsync(agent, 6000)).IsGranted);
        }

        Assert.InRange(store.Calls, 3000 / 60, 3000 / 60 + 10);
    }

    [Fact]
    public async Task A_slow_agent_does_not_ask_the_store_for_each_event()
    {
        var (store, clock) = (new CountedPermits(), new FakeTimeProvider());
        var limiter = new SharedRateLimiter(store, clock);
        var agent = LimitKey.Of(RelayId.New());

        for (var i = 0; i < 300; i++)
        {
            Assert.True((await limiter.TakeAsync(agent, 6000)).IsGranted);
            clock.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.InRange(store.Calls, 1, 100);
    }

    private static Task<RelayHost> StartAsync(string store, int perMinute) =>
        RelayHost.StartAsync(store, settings: ("Relay:RateLimit:WebhooksPerMinute", perMinute.ToString(CultureInfo.InvariantCulture)));

    private static async Task<int> TakeAllAsync(IRateLimiter limiter, LimitKey agent, int perMinute, int most)
    {
        var granted = 0;
        while (granted < most && (await limiter.TakeAsync(agent, perMinute)).IsGranted)
        {
            granted++;
        }

        return granted;
    }

    private static string Header(HttpResponseMessage response, string name) => Assert.Single(response.Headers.GetValues(name));
}
