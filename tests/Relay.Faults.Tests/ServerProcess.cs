using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using Relay.Protocol;

namespace Relay.Faults.Tests;

/// <summary>A server in a process of its own, to be killed and started again on the same port and data.</summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    private const string AdminKey = "faults-admin-key-0123456789";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private readonly Dictionary<string, string> _settings;
    private readonly string _folder = Directory.CreateTempSubdirectory("relay-faults-").FullName;
    private Process? _process;

    private ServerProcess(Dictionary<string, string> settings)
    {
        _settings = settings;
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        Url = new Uri($"http://127.0.0.1:{((IPEndPoint)probe.LocalEndpoint).Port}");
        Http = new HttpClient { BaseAddress = Url, Timeout = TimeSpan.FromSeconds(10) };
    }

    public Uri Url { get; }

    public HttpClient Http { get; }

    /// <param name="redis">A Redis connection string; null: the embedded store.</param>
    public static async Task<ServerProcess> StartAsync(string? redis, params (string Key, string Value)[] settings)
    {
        var all = settings.ToDictionary(static setting => setting.Key, static setting => setting.Value);
        if (redis is not null)
        {
            all["Relay__Storage__Kind"] = "redis";
            all["Relay__Storage__Redis"] = redis;
        }

        var server = new ServerProcess(all);
        await server.StartAsync();
        return server;
    }

    public async Task StartAsync()
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = _folder };
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
        _process.OutputDataReceived += static (_, _) => { };
        _process.ErrorDataReceived += static (_, line) => Console.WriteLine(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        await WhenReadyAsync();
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

    public async Task<RegisterResponse> RegisterAsync()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/register");
        request.Headers.Add("X-Admin-Key", AdminKey);
        using var response = await Http.SendAsync(request);
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        return (await response.Content.ReadFromJsonAsync(ApiJson.Default.RegisterResponse))!;
    }

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        Http.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
