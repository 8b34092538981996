using Microsoft.Extensions.Logging;
using Relay.Protocol;
using Relay.Server.Delivery;

namespace Relay.Client.Tests.AgainstServer;

/// <summary>A whole relay server, one agent registered with it, and clients of that agent, which end before it.</summary>
internal sealed class RealRelay : IAsyncDisposable
{
    private readonly List<RelayClient> _clients = [];

    private RealRelay(RelayHost host, RegisterResponse agent) => (Host, Agent) = (host, agent);

    public RelayHost Host { get; }

    public RegisterResponse Agent { get; }

    public RecordingLogger Logger { get; } = new();

    /// <summary>Starts with retries that come soon, unless the settings say otherwise.</summary>
    public static async Task<RealRelay> StartAsync(string store, bool ownClock = false, params (string Key, string Value)[] settings)
    {
        var host = await RelayHost.StartAsync(store, ownClock, [("Relay:Delivery:RetryDelays:0", "00:00:00.050"), .. settings]);
        return new RealRelay(host, await host.RegisterAsync());
    }

    public RelayClient NewClient(Action<RelayClientOptions>? configure = null)
    {
        var options = new RelayClientOptions();
        Configure(options);
        configure?.Invoke(options);
        var client = new RelayClient(options);
        _clients.Add(client);
        return client;
    }

    public void Configure(RelayClientOptions options)
    {
        options.Url = Host.Url.ToString();
        options.ApiKey = Agent.ApiKey;
        options.SigningSecret = Agent.SigningSecret;
        options.ReconnectBaseDelay = TimeSpan.FromMilliseconds(20);
        options.DrainTimeout = RelayHost.Patience / 2;
        options.TimeProvider = Host.Clock ?? TimeProvider.System;
        options.LoggerFactory = Logger;
    }

    /// <summary>Posts an event that must be queued; answers its id.</summary>
    public Task<string> PostAsync() => Host.QueueAsync(Agent);

    /// <summary>Posts so many, a few at a time; answers their ids, in no order.</summary>
    public async Task<IReadOnlyList<string>> PostAsync(int count)
    {
        var ids = new string[count];
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, _) => ids[i] = await PostAsync());
        return ids;
    }

    public Task<StoredEvent> FindAsync(string id) => Host.FindAsync(Agent, id);

    public Task<StoredEvent> WhenAsync(string id, EventState state) => Host.WhenAsync(Agent, id, state);

    public async Task WhenDeliveredAsync(IEnumerable<string> ids)
    {
        foreach (var id in ids)
        {
            await WhenAsync(id, EventState.Delivered);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in _clients)
        {
            var disposal = client.DisposeAsync().AsTask();
            await Eventually.AsyncTrue(() =>
            {
                // What a test left open is not waited for.
                Host.Clock?.Advance(TimeSpan.FromSeconds(1));
                return disposal.IsCompleted;
            });
            await disposal;
        }

        await Host.DisposeAsync();
        Assert.DoesNotContain(Logger.Lines, line => line.Level >= LogLevel.Error);
        Assert.DoesNotContain(Logger.Lines, line => line.Text.Contains(Agent.ApiKey, StringComparison.Ordinal));
    }
}
