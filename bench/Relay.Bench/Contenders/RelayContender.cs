using System.Diagnostics;
using System.Text.Json;
using Relay.Bench.Load;
using Relay.Bench.Measuring;

namespace Relay.Bench.Contenders;

/// <summary>
/// Relay as it is shipped, with its limits in force, only so high that they are not reached.
/// </summary>
/// <param name="name">In the tables.</param>
/// <param name="fsync">Its Redis's persistence; null: the embedded store.</param>
/// <param name="nodes">Two: the agent is on the other node than the sender.</param>
internal sealed class RelayContender(string name, string? fsync, int nodes = 1)
    : Contender(name, fsync is null ? FloorContender.Fsynced : LocalRedis.Promise(fsync))
{
    private const string AdminKey = "bench-admin-key-0123456789";
    private readonly HttpClient _http = new() { DefaultRequestHeaders = { { "X-Admin-Key", AdminKey } } };

    /// <summary>How long the last node took to be ready.</summary>
    public TimeSpan ReadyAfter { get; private set; }

    public override async Task StartAsync()
    {
        List<(string, string)> settings =
        [
            ("ASPNETCORE_ENVIRONMENT", "Production"), ("Relay__AdminKey", AdminKey), ("Relay__Encryption__Keys__0", Convert.ToBase64String(new byte[32])),
            ("Logging__LogLevel__Default", "Warning"), ("Relay__RateLimit__WebhooksPerMinute", "100000000"),
            ("Relay__RateLimit__RequestsPerMinutePerAddress", "100000000"),
            ("Relay__Connections__MaxPerAddress", "1000000"), ("Relay__Connections__MaxUnauthenticatedPerAddress", "1000000"),
            ("Relay__Delivery__MaxQueuedEvents", "100000000"), ("Relay__Delivery__MaxQueuedBytes", "100000000000"),
        ];
        if (fsync is not null)
        {
            settings.Add(("Relay__Storage__Kind", "redis"));
            settings.Add(("Relay__Storage__Redis", (await StartRedisAsync(fsync)).ConnectionString));
        }

        List<Uri> urls = [];
        for (var node = 0; node < nodes; node++)
        {
            urls.Add(new Uri($"http://127.0.0.1:{LocalRedis.FreePort()}"));
            var folder = Own(new TemporaryFolder());
            var began = Stopwatch.GetTimestamp();
            Own(await Child.StartAsync(
                "relay", "dotnet", [Path.Combine(AppContext.BaseDirectory, "server", "Relay.Server.dll")],
                [.. settings, ("ASPNETCORE_URLS", urls[node].ToString()), ("Relay__Storage__Path", folder.Path)], readyLine: null, new Allocations()));
            await WhenReadyAsync(urls[node]);
            ReadyAfter = Stopwatch.GetElapsedTime(began);
        }

        Target = await RegisterAsync(urls[0], urls[^1]);
    }

    public override Task<Target> AddAgentAsync() => RegisterAsync(new Uri(Target.Post, "/"), Target.Agent!);

    private static async Task WhenReadyAsync(Uri url)
    {
        using var http = new HttpClient();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (true)
        {
            try
            {
                using var answer = await http.GetAsync(new Uri(url, "/readyz"), patience.Token);
                if (answer.IsSuccessStatusCode)
                {
                    return;
                }
            }
            catch (HttpRequestException)
            {
            }

            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, patience.Token);
        }
    }

    private async Task<Target> RegisterAsync(Uri post, Uri agent)
    {
        using var answer = await _http.PostAsJsonAsync(new Uri(post, "/api/v1/register"), new { });
        var registered = JsonElement.Parse(await answer.EnsureSuccessStatusCode().Content.ReadAsStringAsync());
        return new Target(
            new Uri(post, "/api/v1/webhook/" + registered.GetProperty("relay_id").GetString()),
            new UriBuilder(agent) { Scheme = "ws", Path = "/api/v1/connect" }.Uri,
            registered.GetProperty("api_key").GetString());
    }
}
