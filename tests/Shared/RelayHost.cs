using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Storage;

namespace Relay.Tests.Shared;

/// <summary>A whole server on a real loopback socket, on one of the stores, with a clock that only a test moves if it wants one.</summary>
internal sealed class RelayHost : IAsyncDisposable
{
    public const string AdminKey = "test-admin-key-0123456789";

    /// <summary>For every wait in these tests: long enough for the slowest machine.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly StoreSetup _store;
    private readonly bool _ownsStore;
    private readonly Dictionary<string, string?> _settings;
    private readonly Action<IServiceCollection>? _replace;
    private Factory _factory;

    private RelayHost(StoreSetup store, bool ownsStore, Dictionary<string, string?> settings, FakeTimeProvider? clock, Action<IServiceCollection>? replace)
    {
        (_store, _ownsStore, _settings, Clock, _replace) = (store, ownsStore, settings, clock, replace);
        _factory = new Factory(settings, clock, Logs, replace, port: 0);
        Http = _factory.CreateClient();
    }

    public HttpClient Http { get; private set; }

    public LogCollector Logs { get; } = new();

    /// <summary>The server's clock, if the test asked for its own.</summary>
    public FakeTimeProvider? Clock { get; }

    public StoreSetup Store => _store;

    public IServiceProvider Services => _factory.Services;

    public IDeliveryQueue Queue => Services.GetRequiredService<IDeliveryQueue>();

    public static async Task<RelayHost> StartAsync(string store, bool ownClock = false, params (string Key, string Value)[] settings) =>
        Start(await StoreSetup.CreateAsync(store), ownClock, replace: null, settings);

    /// <summary>On a store of the test's own, with services in the place of others if it wants some; disposes the store with itself.</summary>
    public static RelayHost Start(
        StoreSetup setup, bool ownClock = false, Action<IServiceCollection>? replace = null, params (string Key, string Value)[] settings)
    {
        var all = new Dictionary<string, string?>(setup.Settings) { ["Relay:AdminKey"] = AdminKey, ["Relay:Storage:Path"] = setup.Folder };
        foreach (var (key, value) in settings)
        {
            all[key] = value;
        }

        return new RelayHost(setup, ownsStore: true, all, ownClock ? new FakeTimeProvider() : null, replace);
    }

    /// <summary>Another node on the same store and clock; to be disposed before this one.</summary>
    public RelayHost StartAnother() => new(_store, ownsStore: false, _settings, Clock, _replace);

    /// <summary>Where the server listens, also after it was restarted.</summary>
    public Uri Url => Http.BaseAddress!;

    /// <summary>Stops the server gracefully and starts another on the same data and port.</summary>
    /// <param name="settings">Those that change; null takes one away.</param>
    public async Task RestartAsync(params (string Key, string? Value)[] settings)
    {
        var port = Url.Port;
        await StopAsync();
        foreach (var (key, value) in settings)
        {
            _settings.Remove(key);
            if (value is not null)
            {
                _settings.Add(key, value);
            }
        }

        _factory = new Factory(_settings, Clock, Logs, _replace, port);
        Http = _factory.CreateClient();
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

    public Task<HttpResponseMessage> PostAsync(RegisterResponse agent, byte[] body, string contentType = "application/json", string pathAndQuery = "")
    {
        var content = new ByteArrayContent(body);
        content.Headers.ContentType = MediaTypeHeaderValue.Parse(contentType);
        return Http.PostAsync(new Uri($"/api/v1/webhook/{agent.RelayId}{pathAndQuery}", UriKind.Relative), content);
    }

    /// <summary>Posts JSON that must be queued; answers the event's id.</summary>
    public Task<string> QueueAsync(RegisterResponse agent, string json = "{}") => QueueAsync(agent, Encoding.UTF8.GetBytes(json), "application/json");

    public async Task<string> QueueAsync(RegisterResponse agent, byte[] body, string contentType)
    {
        using var response = await PostAsync(agent, body, contentType);
        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        return (await ReadJsonAsync(response)).GetProperty("id").GetString()!;
    }

    public static async Task<JsonElement> ReadJsonAsync(HttpResponseMessage response) =>
        JsonElement.Parse(await response.Content.ReadAsStringAsync());

    /// <summary>
    /// Moves the clock in small steps until the task is done: what it waits for happens after several ticks and store calls. A step takes as long
    /// as the store takes, so that a slow one makes the test slow and not its clock fast.
    /// </summary>
    public async Task<T> AdvanceUntilAsync<T>(Task<T> task, TimeSpan? step = null)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (!task.IsCompleted)
        {
            patience.Token.ThrowIfCancellationRequested();
            Clock!.Advance(step ?? TimeSpan.FromSeconds(1));
            await Task.WhenAny(task, PassStoreAsync(patience.Token));
        }

        return await task;
    }

    /// <summary>Leaves a moment to what a tick began, and waits until the store has done what it was asked for by then, or fails.</summary>
    private async Task PassStoreAsync(CancellationToken patience)
    {
        await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, patience);
        await Services.GetRequiredService<IStoreHealth>().CheckAsync(patience);
    }

    public async Task<StoredEvent> FindAsync(RegisterResponse agent, string id)
    {
        Assert.True(RelayId.TryParse(agent.RelayId, out var relayId) & Protocol.EventId.TryParse(id, out var eventId));
        return await Queue.FindAsync(relayId, eventId) ?? throw new InvalidOperationException($"{id} is not kept.");
    }

    /// <summary>Waits until the event is in the state; acks are stored after the agent sent them.</summary>
    public Task<StoredEvent> WhenAsync(RegisterResponse agent, string id, EventState state) =>
        Eventually.Async(() => FindAsync(agent, id), found => found.State == state);

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        if (_ownsStore)
        {
            await _store.DisposeAsync();
        }

        Logs.AssertQuiet();
    }

    private async Task StopAsync()
    {
        Http.Dispose();

        // The factory stops a host on a real socket, and Main disposes it after that, on its own thread.
        await Services.GetRequiredService<IHost>().StopAsync();
        await _factory.DisposeAsync();
        await Eventually.AsyncTrue(_store.IsReleased);
    }

    private sealed class Factory : WebApplicationFactory<Program>
    {
        private readonly Dictionary<string, string?> _settings;
        private readonly TimeProvider? _clock;
        private readonly LogCollector _logs;
        private readonly Action<IServiceCollection>? _replace;

        public Factory(Dictionary<string, string?> settings, TimeProvider? clock, LogCollector logs, Action<IServiceCollection>? replace, int port)
        {
            (_settings, _clock, _logs, _replace) = (settings, clock, logs, replace);
            UseKestrel(port);
        }

        protected override void ConfigureWebHost(IWebHostBuilder builder)
        {
            foreach (var (key, value) in _settings)
            {
                builder.UseSetting(key, value);
            }

            builder.ConfigureTestServices(services =>
            {
                services.AddLogging(logging => logging.ClearProviders().AddProvider(_logs));
                if (_clock is not null)
                {
                    services.Replace(ServiceDescriptor.Singleton(_clock));
                }

                _replace?.Invoke(services);
            });
        }
    }
}
