using System.Net;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Relay.Server.Storage;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Http;

/// <summary>What every answer carries.</summary>
public sealed class AnswerHeaderTests
{
    [Theory]
    [InlineData("GET", "/healthz", 200)]
    [InlineData("GET", "/nowhere", 404)]
    [InlineData("DELETE", "/healthz", 405)]
    [InlineData("GET", "/api/v1/agents", 401)]
    [InlineData("GET", "/", 426)]
    [InlineData("POST", "/api/v1/webhook/agt_0123456789abcdef", 404)]
    [InlineData("OPTIONS", "/api/v1/agents", 405)]
    public async Task Every_answer_has_its_request_id_and_tells_browsers_to_do_nothing(string method, string path, int status)
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        request.Headers.Add("Origin", "https://elsewhere.example");
        request.Headers.Add("Access-Control-Request-Method", "GET");
        request.Headers.Add("X-Request-Id", "not-from-a-proxy");
        using var answer = await relay.Http.SendAsync(request);

        Assert.Equal(status, (int)answer.StatusCode);
        var id = Header(answer, "X-Request-Id");
        Assert.NotEqual("not-from-a-proxy", id);
        if (status >= 400)
        {
            Assert.Equal(id, (await RelayHost.ReadJsonAsync(answer)).GetProperty("request_id").GetString());
        }

        AssertClosed(answer);
        Assert.False(answer.Headers.Contains("Strict-Transport-Security"));
    }

    [Fact]
    public async Task An_accepted_webhook_and_a_failure_have_them_too_and_no_stack_trace()
    {
        const string Secret = "what went wrong inside";
        var setup = await StoreSetup.CreateAsync("embedded");
        await using var relay = RelayHost.Start(setup, replace: services => services.Replace(ServiceDescriptor.Singleton<IStoreHealth>(new FailingHealth(Secret))));
        relay.Logs.Expect(1002);
        using var accepted = await relay.PostAsync(await relay.RegisterAsync(), "{}"u8.ToArray());
        Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);
        AssertClosed(accepted);

        using var request = new HttpRequestMessage(HttpMethod.Get, "/readyz");
        request.Headers.Add("Accept", "text/html");
        using var failed = await relay.Http.SendAsync(request);
        var error = await Expect.ErrorAsync(failed, HttpStatusCode.InternalServerError, "internal_error");
        Assert.Equal(Header(failed, "X-Request-Id"), error.GetProperty("request_id").GetString());
        Assert.DoesNotContain(Secret, error.GetRawText());
        Assert.DoesNotContain(" at ", error.GetRawText());
        AssertClosed(failed);
        Assert.Contains(relay.Logs.Texts, text => text.Contains(Header(failed, "X-Request-Id"), StringComparison.Ordinal) && text.Contains(Secret, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_trusted_proxy_may_give_the_request_id_and_say_that_there_was_TLS()
    {
        await using var relay = await RelayHost.StartAsync("embedded", settings: ("Relay:Http:TrustedProxies:0", "127.0.0.1"));
        foreach (var (given, isTaken) in ((string, bool)[])[("01J-abc_9.z", true), ("two words", false), (new string('x', 65), false)])
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/nowhere");
            request.Headers.Add("X-Request-Id", given);
            request.Headers.Add("X-Forwarded-Proto", "https");
            request.Headers.Host = "relay.example.com";
            using var answer = await relay.Http.SendAsync(request);

            Assert.Equal(isTaken, Header(answer, "X-Request-Id") == given);
            Assert.Equal(Header(answer, "X-Request-Id"), (await RelayHost.ReadJsonAsync(answer)).GetProperty("request_id").GetString());
            Assert.Equal("max-age=31536000", Header(answer, "Strict-Transport-Security"));
        }
    }

    [Fact]
    public async Task Forwarded_headers_are_delivered_as_they_came_and_scheme_and_address_taken_from_them()
    {
        await using var relay = await RelayHost.StartAsync("embedded", settings: ("Relay:Http:TrustedProxies:0", "127.0.0.1"));
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/v1/webhook/{agent.RelayId}") { Content = new StringContent("{}") };
        request.Headers.Add("X-Forwarded-For", "198.51.100.1, 203.0.113.7");
        request.Headers.Add("X-Forwarded-Proto", "https");
        request.Headers.Add("X-Original-For", "the sender's own");
        using var accepted = await relay.Http.SendAsync(request);
        Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);

        var headers = (await connected.ReceiveWebhookAsync()).Headers!;
        Assert.Equal(("198.51.100.1, 203.0.113.7", "https", "the sender's own"), (headers["x-forwarded-for"], headers["x-forwarded-proto"], headers["x-original-for"]));
        Assert.False(headers.ContainsKey("x-original-proto"));

        using var register = new HttpRequestMessage(HttpMethod.Post, "/api/v1/register");
        register.Headers.Add("X-Admin-Key", RelayHost.AdminKey);
        register.Headers.Add("X-Forwarded-Proto", "https");
        using var registered = await relay.Http.SendAsync(register);
        Assert.StartsWith("https://", (await RelayHost.ReadJsonAsync(registered)).GetProperty("webhook_url").GetString());
    }

    [Fact]
    public async Task The_page_of_the_API_may_run_its_own_scripts()
    {
        await using var relay = await RelayHost.StartAsync("embedded", settings: ("environment", "Development"));
        using var page = await relay.Http.GetAsync(new Uri("/swagger/index.html", UriKind.Relative));

        Assert.Equal(HttpStatusCode.OK, page.StatusCode);
        Assert.Contains("script-src 'self'", Header(page, "Content-Security-Policy"));
    }

    private static void AssertClosed(HttpResponseMessage answer)
    {
        Assert.Equal("nosniff", Header(answer, "X-Content-Type-Options"));
        Assert.Equal("default-src 'none'; frame-ancestors 'none'", Header(answer, "Content-Security-Policy"));
        Assert.Equal("no-referrer", Header(answer, "Referrer-Policy"));
        Assert.NotEmpty(Header(answer, "X-Request-Id"));
        Assert.False(answer.Headers.Contains("Server"));
        Assert.DoesNotContain(answer.Headers, static header => header.Key.StartsWith("Access-Control", StringComparison.OrdinalIgnoreCase));
    }

    private static string Header(HttpResponseMessage response, string name) => Assert.Single(response.Headers.GetValues(name));

    private sealed class FailingHealth(string message) : IStoreHealth
    {
        public string Kind => "embedded";

        public Task<string?> CheckAsync(CancellationToken cancellationToken) => throw new InvalidOperationException(message);
    }
}
