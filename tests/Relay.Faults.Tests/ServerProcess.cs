using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Relay.Protocol;

namespace Relay.Faults.Tests;

/// <summary>A server in a process of its own, to be killed and started again on the same port and data.</summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    private const string AdminKey = "faults-admin-key-0123456789";
    private const int MostKept = 100_000;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly Dictionary<string, string> _settings;
    private readonly string _folder = Directory.CreateTempSubdirectory("relay-faults-").FullName;
    private readonly StringBuilder _errors = new();
    private readonly StringBuilder _said = new();
    private readonly RedisLink? _link;
    private Process? _process;

    private ServerProcess(Dictionary<string, string> settings, RedisLink? link)
    {
        (_settings, _link) = (settings, link);
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        Url = new Uri($"http://{link?.NodeAddress ?? IPAddress.Loopback}:{((IPEndPoint)probe.LocalEndpoint).Port}");
        Http = new HttpClient { BaseAddress = Url, Timeout = TimeSpan.FromSeconds(10) };
    }

    /// <summary>What was in flight when the server died comes again soon, so that the test ends soon.</summary>
    public static (string Key, string Value)[] FastRetries =>
        [("Relay__Delivery__AckTimeout", "00:00:02"), ("Relay__Delivery__RetryDelays__0", "00:00:00.100"), ("Relay__Delivery__MaxAttempts", "100")];

    public Uri Url { get; }

    public string Folder => _folder;

    public HttpClient Http { get; }

    /// <summary>A server that takes webhooks.</summary>
    /// <param name="redis">A Redis connection string; null: the embedded store.</param>
    /// <param name="settings">Further environment variables.</param>
    public static async Task<ServerProcess> StartAsync(string? redis, params (string Key, string Value)[] settings)
    {
        var server = Launch(redis, settings);
        await server.WhenReadyAsync();
        return server;
    }

    /// <summary>A server that has just been started, and may never be ready.</summary>
    public static ServerProcess Launch(string? redis, params (string Key, string Value)[] settings) => Launch(redis, link: null, settings);

    /// <summary>The same at the end of a link that can be cut.</summary>
    public static async Task<ServerProcess> StartBehindAsync(RedisLink link, params (string Key, string Value)[] settings)
    {
        var server = Launch(link.ConnectionString, link, settings);
        await server.WhenReadyAsync();
        return server;
    }

    private static ServerProcess Launch(string? redis, RedisLink? link, (string Key, string Value)[] settings)
    {
        var all = settings.ToDictionary(static setting => setting.Key, static setting => setting.Value);
        all.TryAdd("Relay__RateLimit__WebhooksPerMinute", "0"); // These tests go as fast as they can.
        all.TryAdd("Relay__RateLimit__RequestsPerMinutePerAddress", "0");
        if (redis is not null)
        {
            all["Relay__Storage__Kind"] = "redis";
            all["Relay__Storage__Redis"] = redis;
        }

        var server = new ServerProcess(all, link);
        server.Launch();
        return server;
    }

    public async Task StartAsync()
    {
        Launch();
        await WhenReadyAsync();
    }

    /// <summary>Starts it; it may never be ready.</summary>
    public void Launch()
    {
        string[] command = [.. _link?.NodeCommand ?? [], "dotnet"];
        var start = new ProcessStartInfo(command[0]) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = _folder };
        Array.ForEach(command[1..], start.ArgumentList.Add);
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "Relay.Server.dll"));
        start.Environment["ASPNETCORE_URLS"] = Url.ToString();
        start.Environment["ASPNETCORE_ENVIRONMENT"] = "Production";
        start.Environment["Relay__AdminKey"] = AdminKey;
        start.Environment["Relay__Encryption__Keys__0"] = Convert.ToBase64String(new byte[32]);
        start.Environment["Relay__Storage__Path"] = _folder;
        foreach (var (key, value) in _settings)
        {
            start.Environment[key] = value;
        }

        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, line) => Keep(line.Data);
        _process.ErrorDataReceived += (_, line) => Note(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>The beginning of what it wrote to the standard output.</summary>
    public string Said
    {
        get
        {
            lock (_said)
            {
                return _said.ToString();
            }
        }
    }

    private void Keep(string? line)
    {
        lock (_said)
        {
            if (_said.Length < MostKept)
            {
                _said.AppendLine(line);
            }
        }
    }

    private void Note(string? error)
    {
        Console.WriteLine(error);
        lock (_errors)
        {
            _errors.AppendLine(error);
        }
    }

    /// <summary>Waits until it answers at all.</summary>
    public async Task WhenAliveAsync()
    {
        using var patience = new CancellationTokenSource(Patience);
        while (true)
        {
            try
            {
                await ReadyAsync();
                return;
            }
            catch (HttpRequestException)
            {
                Assert.False(_process!.HasExited, "The server ended at its start.");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, patience.Token);
        }
    }

    /// <summary>What it says of itself.</summary>
    public async Task<HttpStatusCode> ReadyAsync()
    {
        using var response = await Http.GetAsync(new Uri("/readyz", UriKind.Relative));
        return response.StatusCode;
    }

    /// <summary>Waits until it ended by itself; answers its exit code and what it wrote to the standard error.</summary>
    public async Task<(int ExitCode, string Errors)> WhenEndedAsync()
    {
        using var patience = new CancellationTokenSource(Patience);
        await _process!.WaitForExitAsync(patience.Token);
        lock (_errors)
        {
            return (_process.ExitCode, _errors.ToString());
        }
    }

    /// <summary>Waits until it takes webhooks.</summary>
    public async Task WhenReadyAsync()
    {
        using var patience = new CancellationTokenSource(Patience);
        while (true)
        {
            try
            {
                using var response = await Http.GetAsync(new Uri("/readyz", UriKind.Relative), patience.Token);
                if (response.IsSuccessStatusCode)
                {
                    return;
                }
            }
            catch (HttpRequestException)
            {
                Assert.False(_process!.HasExited, "The server ended at its start.");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, patience.Token);
        }
    }

    /// <summary>SIGTERM, as an operator ends it: answers its exit code when it is gone.</summary>
    public async Task<int> StopAsync()
    {
        using var process = _process!;
        _process = null;
        using (var signal = Process.Start("kill", ["-TERM", process.Id.ToString(CultureInfo.InvariantCulture)]))
        {
            await signal.WaitForExitAsync();
        }

        using var patience = new CancellationTokenSource(Patience);
        await process.WaitForExitAsync(patience.Token);
        return process.ExitCode;
    }

    /// <summary>SIGKILL: nothing of it runs any more when this returns.</summary>
    public async Task KillAsync()
    {
        if (_process is { } process)
        {
            _process = null;
            using (process)
            {
                process.Kill();
                await process.WaitForExitAsync();
            }
        }
    }

    public async Task<RegisterResponse> RegisterAsync(RegisterRequest? registration = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/register")
        {
            Content = JsonContent.Create(registration ?? new RegisterRequest(), ApiJson.Default.RegisterRequest),
        };
        request.Headers.Add("X-Admin-Key", AdminKey);
        using var response = await Http.SendAsync(request);
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        return (await response.Content.ReadFromJsonAsync(ApiJson.Default.RegisterResponse))!;
    }

    public ProcessUsage Usage() => ProcessUsage.Of(_process!);

    /// <summary>Posts one event with a number; answers its id.</summary>
    public async Task<string> PostAsync(RegisterResponse agent, int number)
    {
        using var response = await SendAsync(agent, number);
        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        using var answer = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        return answer.RootElement.GetProperty("id").GetString()!;
    }

    /// <summary>Posts one event with a number; answers what became of it.</summary>
    public async Task<HttpStatusCode> TryPostAsync(RegisterResponse agent, int number)
    {
        using var response = await SendAsync(agent, number);
        return response.StatusCode;
    }

    /// <summary>Whether the relay keeps an event of the agent with this status. What it cannot say now it may keep.</summary>
    public async Task<bool> HasEventsAsync(RegisterResponse agent, string status)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/v1/agents/{agent.RelayId}/events?limit=1&status={status}");
        request.Headers.Authorization = new("Bearer", agent.ApiKey);
        using var response = await Http.SendAsync(request);
        if (response.StatusCode == HttpStatusCode.ServiceUnavailable)
        {
            return true;
        }

        response.EnsureSuccessStatusCode();
        using var answer = JsonDocument.Parse(await response.Content.ReadAsStringAsync());
        return answer.RootElement.GetProperty("events").GetArrayLength() > 0;
    }

    private async Task<HttpResponseMessage> SendAsync(RegisterResponse agent, int number)
    {
        using var content = new StringContent(number.ToString(CultureInfo.InvariantCulture));
        return await Http.PostAsync(new Uri($"/api/v1/webhook/{agent.RelayId}", UriKind.Relative), content);
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        Http.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
