using System.Net;
using System.Net.Http.Headers;
using Microsoft.Extensions.DependencyInjection;
using Relay.Protocol;
using Relay.Server.Limits;

namespace Relay.Server.Tests.Limits;

/// <summary>Limits that two nodes on one Redis keep together.</summary>
public sealed class AcrossNodesTests
{
    /// <summary>There is nothing at the address, and no limit said so.</summary>
    private const HttpStatusCode LetIn = HttpStatusCode.NotFound;

    private const string Guesser = "203.0.113.7";
    private const string Elsewhere = "198.51.100.1";

    [Fact]
    public async Task An_address_makes_its_requests_wherever_it_asks()
    {
        await using var relay = await StartAsync(("Relay:RateLimit:RequestsPerMinutePerAddress", "4"));
        await using var other = relay.StartAnother();

        foreach (var node in (RelayHost[])[relay, other, relay, other])
        {
            Assert.Equal(LetIn, await GetAsync(node, Guesser));
        }

        foreach (var node in (RelayHost[])[relay, other])
        {
            Assert.Equal(HttpStatusCode.TooManyRequests, await GetAsync(node, Guesser));
            Assert.Equal(LetIn, await GetAsync(node, Elsewhere));
        }

        relay.Clock!.Advance(TimeSpan.FromSeconds(16));
        Assert.Equal(LetIn, await GetAsync(other, Guesser));
        Assert.Equal(HttpStatusCode.TooManyRequests, await GetAsync(relay, Guesser));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Who_guesses_at_one_node_is_refused_at_the_other(bool isAdmin)
    {
        await using var relay = await StartAsync();
        await using var other = relay.StartAnother();
        var agent = await relay.RegisterAsync();
        await other.QueueAsync(agent);
        Assert.Equal(HttpStatusCode.OK, await AskAsync(other, agent, Guesser, agent.ApiKey));
        foreach (var node in (RelayHost[])[relay, other, relay])
        {
            Assert.Equal(HttpStatusCode.Unauthorized, await AskAsync(node, agent, Guesser, Wrong(), isAdmin));
        }

        foreach (var node in (RelayHost[])[relay, other])
        {
            Assert.Equal(HttpStatusCode.TooManyRequests, await AskAsync(node, agent, Guesser, Wrong(), isAdmin));
        }

        Assert.Equal(HttpStatusCode.TooManyRequests, await AskAsync(relay, agent, Guesser, agent.ApiKey));
        Assert.Equal(HttpStatusCode.OK, await AskAsync(other, agent, Guesser, agent.ApiKey));
        Assert.Equal(HttpStatusCode.OK, await AskAsync(relay, agent, Elsewhere, agent.ApiKey));
        relay.Clock!.Advance(TimeSpan.FromSeconds(21));
        Assert.Equal(HttpStatusCode.OK, await AskAsync(relay, agent, Guesser, agent.ApiKey));
    }

    [Fact]
    public async Task The_same_wrong_key_at_every_node_counts_once_against_its_address()
    {
        await using var relay = await StartAsync();
        await using var other = relay.StartAnother();
        await using var third = relay.StartAnother();
        var agent = await relay.RegisterAsync();
        var old = Wrong();

        foreach (var node in (RelayHost[])[relay, other, third])
        {
            Assert.Equal(HttpStatusCode.Unauthorized, await AskAsync(node, agent, Guesser, old));
        }

        Assert.Equal(HttpStatusCode.OK, await AskAsync(relay, agent, Guesser, agent.ApiKey));
    }

    [Fact]
    public async Task While_many_addresses_guess_the_admin_key_each_has_one_try_at_all_nodes_together()
    {
        await using var relay = await StartAsync();
        await using var other = relay.StartAnother();
        var agent = await relay.RegisterAsync();
        for (var i = 1; i <= 4; i++)
        {
            Assert.Equal(HttpStatusCode.Unauthorized, await AskAsync(i % 2 == 0 ? relay : other, agent, $"203.0.113.{i}", Wrong(), isAdmin: true));
        }

        Assert.Equal(HttpStatusCode.TooManyRequests, await AskAsync(other, agent, "203.0.113.4", Wrong(), isAdmin: true));
        Assert.Equal(HttpStatusCode.TooManyRequests, await AskAsync(relay, agent, "203.0.113.4", Wrong(), isAdmin: true));
        relay.Clock!.Advance(TimeSpan.FromSeconds(59));
        Assert.Equal(HttpStatusCode.TooManyRequests, await AskAsync(other, agent, "203.0.113.4", Wrong(), isAdmin: true));
        Assert.Equal(HttpStatusCode.OK, await AskAsync(other, agent, Elsewhere, RelayHost.AdminKey, isAdmin: true));
    }

    [Fact]
    public async Task The_admin_key_clears_its_address_at_the_node_that_sees_it_first()
    {
        await using var relay = await StartAsync();
        await using var other = relay.StartAnother();
        var agent = await relay.RegisterAsync();
        for (var round = 0; round < 2; round++)
        {
            for (var i = 0; i < 2; i++)
            {
                Assert.Equal(HttpStatusCode.Unauthorized, await AskAsync(relay, agent, Guesser, Wrong(), isAdmin: true));
            }

            Assert.Equal(HttpStatusCode.OK, await AskAsync(round == 0 ? other : relay, agent, Guesser, RelayHost.AdminKey, isAdmin: true));
            relay.Clock!.Advance(TimeSpan.FromMinutes(1));
        }

        Assert.Equal(HttpStatusCode.Unauthorized, await AskAsync(other, agent, Guesser, Wrong(), isAdmin: true));
    }

    [Fact]
    public async Task While_Redis_is_away_each_node_counts_for_itself()
    {
        await using var relay = RelayHost.Start(
            await StoreSetup.CreateWithOwnRedisAsync(),
            ownClock: true,
            replace: null,
            ("Relay:RateLimit:FailedAuthenticationsPerMinute", "3"),
            ("Relay:RateLimit:RequestsPerMinutePerAddress", "5"),
            ("Relay:Http:TrustedProxies:0", "127.0.0.0/8"));
        var guard = relay.Services.GetRequiredService<AuthenticationGuard>();
        var address = ClientAddress.Of(IPAddress.Parse(Guesser));
        await relay.Store.Redis.KillAsync();

        for (var i = 0; i < 3; i++)
        {
            var presented = guard.Present(address, Wrong(), AuthenticationGuard.Admin);
            Assert.Null(await presented.WaitAsync());
            await presented.WasWrongAsync();
        }

        Assert.NotNull(await guard.Present(address, Wrong(), AuthenticationGuard.Admin).WaitAsync());
        for (var i = 0; i < 5; i++)
        {
            Assert.Equal(LetIn, await GetAsync(relay, Elsewhere));
        }

        Assert.Equal(HttpStatusCode.TooManyRequests, await GetAsync(relay, Elsewhere));
        await relay.Store.Redis.RestartAsync();
    }

    private static Task<RelayHost> StartAsync(params (string Key, string Value)[] settings) => RelayHost.StartAsync(
        "redis", ownClock: true, [("Relay:RateLimit:FailedAuthenticationsPerMinute", "3"), ("Relay:Http:TrustedProxies:0", "127.0.0.0/8"), .. settings]);

    private static string Wrong() => ApiKey.New().Reveal();

    private static Task<HttpStatusCode> GetAsync(RelayHost relay, string from) => SendAsync(relay, "/nowhere", from);

    private static Task<HttpStatusCode> AskAsync(RelayHost relay, RegisterResponse agent, string from, string key, bool isAdmin = false) =>
        SendAsync(relay, $"/api/v1/agents/{agent.RelayId}", from, headers =>
        {
            if (isAdmin)
            {
                headers.Add("X-Admin-Key", key);
            }
            else
            {
                headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
            }
        });

    private static async Task<HttpStatusCode> SendAsync(RelayHost relay, string path, string from, Action<HttpRequestHeaders>? add = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Add("X-Forwarded-For", from);
        add?.Invoke(request.Headers);
        using var answer = await relay.Http.SendAsync(request);
        return answer.StatusCode;
    }
}
