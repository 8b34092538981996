using System.Net;
using Microsoft.Extensions.Options;
using Relay.Server.Limits;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Limits;

/// <summary>How many requests an address may make.</summary>
public sealed class AddressLimitTests
{
    [Theory, OnEachStore]
    public async Task Each_address_may_make_its_requests_and_no_more_until_time_has_passed(string store)
    {
        await using var relay = await RelayHost.StartAsync(
            store, ownClock: true, ("Relay:RateLimit:RequestsPerMinutePerAddress", "3"), ("Relay:Http:TrustedProxies:0", "127.0.0.0/8"));
        for (var i = 0; i < 3; i++)
        {
            using var answer = await GetAsync(relay, from: "203.0.113.7");
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }

        using var refused = await GetAsync(relay, from: "203.0.113.7");
        await Expect.ErrorAsync(refused, HttpStatusCode.TooManyRequests, "rate_limit_exceeded");
        Assert.Equal(TimeSpan.FromSeconds(20), refused.Headers.RetryAfter!.Delta);
        Assert.Equal("3", Assert.Single(refused.Headers.GetValues("X-RateLimit-Limit")));

        using var neighbour = await GetAsync(relay, from: "203.0.113.8");
        Assert.Equal(HttpStatusCode.OK, neighbour.StatusCode);
        relay.Clock!.Advance(TimeSpan.FromSeconds(21));
        using var later = await GetAsync(relay, from: "203.0.113.7");
        Assert.Equal(HttpStatusCode.OK, later.StatusCode);
    }

    [Fact]
    public async Task Who_watches_over_the_process_is_answered_whatever_the_limit()
    {
        await using var relay = await RelayHost.StartAsync("embedded", ownClock: true, ("Relay:RateLimit:RequestsPerMinutePerAddress", "1"));
        for (var i = 0; i < 3; i++)
        {
            foreach (var path in (string[])["/healthz", "/readyz"])
            {
                using var answer = await relay.Http.GetAsync(new Uri(path, UriKind.Relative));
                Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            }
        }
    }

    [Fact]
    public async Task Who_is_no_trusted_proxy_cannot_say_that_it_is_another()
    {
        await using var relay = await RelayHost.StartAsync(
            "embedded", ownClock: true, ("Relay:RateLimit:RequestsPerMinutePerAddress", "1"), ("Relay:Http:TrustedProxies:0", "10.0.0.0/8"));
        using var first = await GetAsync(relay, from: "203.0.113.7");
        Assert.Equal(HttpStatusCode.OK, first.StatusCode);

        using var spoofed = await GetAsync(relay, from: "203.0.113.8");
        Assert.Equal(HttpStatusCode.TooManyRequests, spoofed.StatusCode);
    }

    [Fact]
    public async Task What_stands_before_the_first_hop_that_is_not_trusted_is_not_believed()
    {
        await using var relay = await RelayHost.StartAsync(
            "embedded", ownClock: true, ("Relay:RateLimit:RequestsPerMinutePerAddress", "1"), ("Relay:Http:TrustedProxies:0", "127.0.0.1"), ("Relay:Http:TrustedProxies:1", "10.0.0.0/8"));
        using var first = await GetAsync(relay, from: "198.51.100.1, 203.0.113.7, 10.1.2.3");
        Assert.Equal(HttpStatusCode.OK, first.StatusCode);

        using var spoofed = await GetAsync(relay, from: "198.51.100.2, 203.0.113.7, 10.3.2.1");
        Assert.Equal(HttpStatusCode.TooManyRequests, spoofed.StatusCode);
    }

    [Fact]
    public async Task Of_very_many_addresses_the_store_hears_of_a_bounded_number_and_the_rest_are_counted_here()
    {
        var clock = new FakeTimeProvider();
        var store = new CountedPermits();
        var limits = new AddressLimits(Options.Create(new RateLimitOptions { RequestsPerMinutePerAddress = 1 }), clock, new SharedRateLimiter(store, clock));
        for (var i = 0u; i < 150_000; i++)
        {
            await limits.TakeAsync(ClientAddress.Of(new IPAddress(i)));
        }

        Assert.InRange(store.Calls, 90_000, 110_000);
        var last = ClientAddress.Of(new IPAddress(149_999u));
        Assert.False((await limits.TakeAsync(last)).IsGranted);
        clock.Advance(TimeSpan.FromMinutes(2));
        Assert.True((await limits.TakeAsync(last)).IsGranted);
    }

    private static async Task<HttpResponseMessage> GetAsync(RelayHost relay, string from)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/health");
        request.Headers.Add("X-Forwarded-For", from);
        return await relay.Http.SendAsync(request);
    }
}
