using System.Net;
using System.Text.Json;
using Relay.Server.Delivery;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.HttpFallback;

/// <summary>Endpoints that must not be called, through the whole server.</summary>
public sealed class EndpointGuardTests
{
    [Theory, OnEachStore]
    public async Task A_name_is_judged_by_the_addresses_it_has_when_it_is_called(string store)
    {
        await using var target = await EndpointTarget.StartAsync();
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync($$"""{"http_endpoint":"https://localhost:{{target.Root.Port}}/","delivery":{"retry_delays_ms":[60000]} }""");

        var id = await relay.QueueAsync(agent);

        var attempt = (await relay.WhenAsync(agent, id, EventState.Waiting)).Attempts[0];
        Assert.Equal(("http", "The endpoint's address is not public and not allowed."), (attempt.Via, attempt.Reason));
        Assert.Equal(0, target.Count);
    }

    [Theory, OnEachStore]
    public async Task Without_tls_a_name_may_only_have_allowed_addresses(string store)
    {
        await using var target = await EndpointTarget.StartAsync();
        await using var relay = await RelayHost.StartAsync(store, settings: ("Relay:HttpFallback:AllowedNetworks:0", "10.0.0.0/8"));
        var agent = await relay.RegisterAsync($$"""{"http_endpoint":"http://localhost:{{target.Root.Port}}/","delivery":{"retry_delays_ms":[60000]} }""");

        var id = await relay.QueueAsync(agent);

        Assert.Equal("The endpoint's address may only be called with https.", (await relay.WhenAsync(agent, id, EventState.Waiting)).Attempts[0].Reason);
        Assert.Equal(0, target.Count);
    }

    [Fact]
    public async Task A_name_whose_addresses_are_allowed_is_called()
    {
        await using var target = await EndpointTarget.StartAsync();
        await using var relay = await HttpFallbackHost.StartAsync("embedded");
        var agent = await relay.RegisterAsync($$"""{"http_endpoint":"http://localhost:{{target.Root.Port}}/"}""");

        var id = await relay.QueueAsync(agent);

        await relay.WhenAsync(agent, id, EventState.Delivered);
    }

    [Theory]
    [InlineData("", "https URL")]
    [InlineData("example.com", "https URL")]
    [InlineData("/hooks", "https URL")]
    [InlineData("ftp://example.com/", "https URL")]
    [InlineData("file:///etc/passwd", "https URL")]
    [InlineData("https:///x", "https URL")]
    [InlineData("http://example.com/s3cr3t", "must be https")]
    [InlineData("http://127.0.0.1/s3cr3t", "must be https")]
    [InlineData("https://user:s3cr3t@example.com/", "user or password")]
    [InlineData("https://s3cr3t@example.com/", "user or password")]
    [InlineData("https://example.com/#s3cr3t", "fragment")]
    [InlineData("https://127.0.0.1/s3cr3t", "not public")]
    [InlineData("https://2130706433/s3cr3t", "not public")]
    [InlineData("https://0x7f.1/s3cr3t", "not public")]
    [InlineData("https://[::1]/s3cr3t", "not public")]
    [InlineData("https://[::ffff:169.254.169.254]/s3cr3t", "not public")]
    [InlineData("https://169.254.169.254/latest/meta-data/", "not public")]
    public async Task A_url_that_cannot_be_right_is_refused_when_it_is_given(string url, string named)
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await relay.RegisterAsync();
        var body = $$"""{"http_endpoint":{{JsonSerializer.Serialize(url)}}}""";

        foreach (var (method, path) in ((HttpMethod, string)[])[(HttpMethod.Post, "/api/v1/register"), (HttpMethod.Patch, $"/api/v1/agents/{agent.RelayId}")])
        {
            using var response = await relay.AdminAsync(method, path, body);
            var error = await Expect.ErrorAsync(response, HttpStatusCode.BadRequest, "invalid_request");
            Assert.Contains(named, error.GetProperty("message").GetString(), StringComparison.Ordinal);
            Assert.DoesNotContain("s3cr3t", error.GetRawText(), StringComparison.Ordinal);
        }
    }
}
