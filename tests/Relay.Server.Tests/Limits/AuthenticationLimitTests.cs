using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Relay.Protocol;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Limits;

/// <summary>What wrong keys cost those who give them, and nobody else.</summary>
public sealed class AuthenticationLimitTests
{
    private const string Guesser = "203.0.113.7";
    private const string Elsewhere = "198.51.100.1";

    [Theory]
    [InlineData(true, "embedded")]
    [InlineData(true, "redis")]
    [InlineData(false, "embedded")]
    [InlineData(false, "redis")]
    public async Task After_some_wrong_keys_an_address_is_refused_unchecked_for_a_while(bool isAdmin, string store)
    {
        await using var relay = await StartAsync(store);
        var agent = await relay.RegisterAsync();
        for (var i = 0; i < 3; i++)
        {
            await ExpectAsync(HttpStatusCode.Unauthorized, relay, agent, Guesser, Wrong());
        }

        using var refused = await AskAsync(relay, agent, Guesser, isAdmin ? RelayHost.AdminKey + "x" : agent.ApiKey, isAdmin);
        await Expect.ErrorAsync(refused, HttpStatusCode.TooManyRequests, "rate_limit_exceeded");
        Assert.Equal(TimeSpan.FromSeconds(20), refused.Headers.RetryAfter!.Delta);
        await ExpectAsync(HttpStatusCode.OK, relay, agent, Elsewhere, agent.ApiKey);

        relay.Clock!.Advance(TimeSpan.FromSeconds(21));
        await ExpectAsync(HttpStatusCode.OK, relay, agent, Guesser, agent.ApiKey);
        Task ExpectAsync(HttpStatusCode status, RelayHost relay, RegisterResponse agent, string from, string key) =>
            AuthenticationLimitTests.ExpectAsync(status, relay, agent, from, key, isAdmin && key != agent.ApiKey);
    }

    [Theory, OnEachStore]
    public async Task A_key_that_was_good_before_passes_beside_a_guesser(string store)
    {
        await using var relay = await StartAsync(store);
        var agent = await relay.RegisterAsync();
        await ExpectAsync(HttpStatusCode.OK, relay, agent, Guesser, agent.ApiKey);
        for (var i = 0; i < 3; i++)
        {
            await ExpectAsync(HttpStatusCode.Unauthorized, relay, agent, Guesser, Wrong());
        }

        await ExpectAsync(HttpStatusCode.TooManyRequests, relay, agent, Guesser, Wrong());
        await ExpectAsync(HttpStatusCode.OK, relay, agent, Guesser, agent.ApiKey);
    }

    [Theory, OnEachStore]
    public async Task The_same_wrong_key_again_costs_its_neighbours_nothing(string store)
    {
        await using var relay = await StartAsync(store);
        var agent = await relay.RegisterAsync();
        var old = Wrong();
        for (var i = 0; i < 3; i++)
        {
            await ExpectAsync(HttpStatusCode.Unauthorized, relay, agent, Guesser, old);
        }

        await ExpectAsync(HttpStatusCode.TooManyRequests, relay, agent, Guesser, old);
        await ExpectAsync(HttpStatusCode.TooManyRequests, relay, agent, Elsewhere, old);
        await ExpectAsync(HttpStatusCode.OK, relay, agent, Guesser, agent.ApiKey);
    }

    [Theory, OnEachStore]
    public async Task While_many_addresses_guess_the_admin_key_each_has_one_try_and_the_right_one_passes(string store)
    {
        await using var relay = await StartAsync(store);
        var agent = await relay.RegisterAsync();
        for (var i = 1; i <= 3; i++)
        {
            await ExpectAsync(HttpStatusCode.Unauthorized, relay, agent, $"203.0.113.{i}", Wrong(), isAdmin: true);
        }

        await ExpectAsync(HttpStatusCode.Unauthorized, relay, agent, "203.0.113.4", Wrong(), isAdmin: true);
        await ExpectAsync(HttpStatusCode.TooManyRequests, relay, agent, "203.0.113.4", Wrong(), isAdmin: true);
        await ExpectAsync(HttpStatusCode.OK, relay, agent, Elsewhere, RelayHost.AdminKey, isAdmin: true);
    }

    [Theory]
    [InlineData("viewer")]
    [InlineData("operator")]
    public async Task A_key_with_a_smaller_role_buys_no_guesses(string role)
    {
        await using var relay = await StartAsync();
        var agent = await relay.RegisterAsync();
        var (_, key) = await relay.MakeKeyAsync(role);
        for (var i = 0; i < 3; i++)
        {
            await ExpectAsync(HttpStatusCode.Unauthorized, relay, agent, Guesser, Wrong(), isAdmin: true);
            await ExpectAsync(HttpStatusCode.OK, relay, agent, Guesser, key, isAdmin: true);
        }

        await ExpectAsync(HttpStatusCode.TooManyRequests, relay, agent, Guesser, Wrong(), isAdmin: true);
    }

    [Theory, OnEachStore]
    public async Task The_admin_key_clears_its_address_and_an_agents_key_does_not(string store)
    {
        await using var relay = await StartAsync(store);
        var agent = await relay.RegisterAsync();
        for (var i = 0; i < 2; i++)
        {
            await ExpectAsync(HttpStatusCode.Unauthorized, relay, agent, Guesser, Wrong(), isAdmin: true);
        }

        await ExpectAsync(HttpStatusCode.OK, relay, agent, Guesser, RelayHost.AdminKey, isAdmin: true);
        for (var i = 0; i < 3; i++)
        {
            await ExpectAsync(HttpStatusCode.Unauthorized, relay, agent, Guesser, Wrong());
            await ExpectAsync(HttpStatusCode.OK, relay, agent, Guesser, agent.ApiKey);
        }

        await ExpectAsync(HttpStatusCode.TooManyRequests, relay, agent, Guesser, Wrong());
    }

    [Fact]
    public async Task A_webhook_senders_own_credentials_are_not_counted()
    {
        await using var relay = await StartAsync();
        var agent = await relay.RegisterAsync("""{"source":{"type":"github","secret":"0123456789abcdef"}}""");
        for (var i = 0; i < 6; i++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/v1/webhook/{agent.RelayId}");
            request.Headers.Add("Authorization", $"Basic {i}");
            using var answer = await relay.Http.SendAsync(request);
            Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        }
    }

    [Fact]
    public async Task Over_the_WebSocket_too_many_wrong_keys_close_with_4029()
    {
        await using var relay = await StartAsync();
        var agent = await relay.RegisterAsync();
        for (var i = 0; i < 3; i++)
        {
            await using var wrong = await relay.OpenAsync();
            await wrong.SendAsync(Auth(Wrong(), agent.RelayId));
            Assert.Equal("auth_error", (await wrong.ReceiveAsync()).GetProperty("type").GetString());
            Assert.Equal(4001, await wrong.ReadToCloseAsync());
        }

        await using var refused = await relay.OpenAsync();
        await refused.SendAsync(Auth(agent.ApiKey, ""));
        var error = await refused.ExpectAsync("error");
        Assert.Equal("rate_limit_exceeded", error.GetProperty("error").GetString());
        Assert.Equal(4029, await refused.ReadToCloseAsync());

        relay.Clock!.Advance(TimeSpan.FromSeconds(21));
        await using var later = await relay.ConnectAsync(agent);
        await later.AssertSilentAsync();
    }

    private static Task<RelayHost> StartAsync(string store = "embedded") => RelayHost.StartAsync(
        store, ownClock: true, ("Relay:RateLimit:FailedAuthenticationsPerMinute", "3"), ("Relay:Http:TrustedProxies:0", "127.0.0.0/8"));

    private static string Wrong() => ApiKey.New().Reveal();

    private static string Auth(string key, string relayId) => JsonSerializer.Serialize(new { type = "auth", relay_id = relayId, api_key = key, version = "1.0.0" });

    private static async Task ExpectAsync(HttpStatusCode status, RelayHost relay, RegisterResponse agent, string from, string key, bool isAdmin = false)
    {
        using var answer = await AskAsync(relay, agent, from, key, isAdmin);
        Assert.Equal(status, answer.StatusCode);
    }

    private static async Task<HttpResponseMessage> AskAsync(RelayHost relay, RegisterResponse agent, string from, string key, bool isAdmin)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/v1/agents/{agent.RelayId}");
        request.Headers.Add("X-Forwarded-For", from);
        if (isAdmin)
        {
            request.Headers.Add("X-Admin-Key", key);
        }
        else
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        }

        return await relay.Http.SendAsync(request);
    }
}
