using System.Net;

namespace Relay.Server.Tests.Operations;

public sealed class HealthTests
{
    [Theory]
    [OnEachStore("/healthz")]
    [OnEachStore("/readyz")]
    [OnEachStore("/api/v1/health")]
    public async Task A_working_server_is_healthy(string store, string path)
    {
        await using var relay = await RelayHost.StartAsync(store);

        using var response = await relay.Http.GetAsync(new Uri(path, UriKind.Relative));

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        var health = await RelayHost.ReadJsonAsync(response);
        Assert.Equal("healthy", health.GetProperty("status").GetString());
        Assert.Equal(store, health.GetProperty("store").GetString());
        Assert.Matches(@"^\d+\.\d+\.\d+", health.GetProperty("version").GetString());
        Assert.True(health.GetProperty("timestamp").GetInt64() > 0);
        Assert.True(health.GetProperty("uptime").GetInt64() >= 0);
    }

    [Fact]
    public async Task The_api_document_describes_the_api_in_development()
    {
        await using var relay = await RelayHost.StartAsync("embedded");

        var document = await relay.Http.GetStringAsync(new Uri("/swagger/v1/swagger.json", UriKind.Relative));
        using var page = await relay.Http.GetAsync(new Uri("/swagger/index.html", UriKind.Relative));

        foreach (var path in (string[])["/api/v1/register", "/api/v1/webhook/{relayId}", "/api/v1/connect", "/api/v1/health"])
        {
            Assert.Contains($"\"{path}\"", document, StringComparison.Ordinal);
        }

        Assert.Equal(HttpStatusCode.OK, page.StatusCode);
    }
}
