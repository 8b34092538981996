using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Http;

/// <summary>Clients that take their time, or send more than a request needs.</summary>
public sealed class SlowClientTests
{
    [Fact]
    public async Task Headers_that_do_not_come_in_time_end_the_connection()
    {
        await using var relay = await RelayHost.StartAsync("embedded", settings: ("Relay:Http:HeadersTimeout", "00:00:01"));

        Assert.StartsWith("HTTP/1.1 408 ", await SayAsync(relay, "GET /healthz HTTP/1.1\r\nHost: relay\r\nX-Slow: "));
    }

    [Fact]
    public async Task A_body_that_trickles_ends_the_request_and_nothing_is_accepted()
    {
        await using var relay = await RelayHost.StartAsync(
            "embedded", settings: [("Relay:Http:MinBytesPerSecond", "1000000"), ("Relay:Http:SlowFor", "00:00:01.1")]);
        var agent = await relay.RegisterAsync();

        var answer = await SayAsync(relay, $"POST /api/v1/webhook/{agent.RelayId} HTTP/1.1\r\nHost: relay\r\nContent-Length: 1000\r\n\r\n{{");

        Assert.StartsWith("HTTP/1.1 408 ", answer);
        Assert.Contains("too slowly", answer);
        using var events = await relay.AdminAsync(HttpMethod.Get, $"/api/v1/agents/{agent.RelayId}/events");
        Assert.Equal(0, (await RelayHost.ReadJsonAsync(events)).GetProperty("events").GetArrayLength());
    }

    [Fact]
    public async Task A_connection_that_asks_nothing_more_ends()
    {
        await using var relay = await RelayHost.StartAsync("embedded", settings: ("Relay:Http:KeepAliveTimeout", "00:00:01"));

        Assert.StartsWith("HTTP/1.1 200 ", await SayAsync(relay, "GET /healthz HTTP/1.1\r\nHost: relay\r\n\r\n"));
    }

    [Theory]
    [InlineData("/healthz", 2000, 1, 431)]
    [InlineData("/healthz", 10, 11, 431)]
    [InlineData("/healthz?", 2000, 0, 414)]
    [InlineData("/healthz", 10, 1, 200)]
    public async Task Huge_requests_are_refused(string path, int length, int headers, int status)
    {
        await using var relay = await RelayHost.StartAsync(
            "embedded", settings: [("Relay:Http:MaxHeaderBytes", "1024"), ("Relay:Http:MaxRequestLineBytes", "1024"), ("Relay:Http:MaxHeaders", "10"), ("Relay:Http:KeepAliveTimeout", "00:00:01")]);
        var target = headers == 0 ? path + new string('a', length) : path;
        var more = string.Concat(Enumerable.Range(0, headers).Select(i => $"X-{i}: {new string('a', length)}\r\n"));

        Assert.StartsWith(string.Create(CultureInfo.InvariantCulture, $"HTTP/1.1 {status} "), await SayAsync(relay, $"GET {target} HTTP/1.1\r\nHost: relay\r\n{more}\r\n"));
    }

    /// <summary>Says this and no more; answers all that comes until the server ends the connection.</summary>
    private static async Task<string> SayAsync(RelayHost relay, string text)
    {
        using var patience = new CancellationTokenSource(RelayHost.Patience);
        using var client = new TcpClient();
        await client.ConnectAsync(relay.Url.Host, relay.Url.Port, patience.Token);
        await using var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(text), patience.Token);
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync(patience.Token);
    }
}
