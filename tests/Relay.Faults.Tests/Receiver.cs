using System.Globalization;
using Relay.Client;
using Relay.Protocol;

namespace Relay.Faults.Tests;

/// <summary>An agent on the product's own client: it reconnects by itself, and notes in the tally what it got.</summary>
internal sealed class Receiver : IAsyncDisposable
{
    private readonly RelayClient _client;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _run;
    private int _connections;

    /// <param name="url">Of the server, or of a proxy before it.</param>
    /// <param name="agent">Who it is.</param>
    /// <param name="tally">Counts what comes.</param>
    /// <param name="handle">What it does with an event, given its number; nothing if null.</param>
    public Receiver(Uri url, RegisterResponse agent, Tally tally, Func<int, CancellationToken, Task>? handle = null)
    {
        _client = new RelayClient(new RelayClientOptions
        {
            Url = url.ToString(),
            ApiKey = agent.ApiKey,
            SigningSecret = agent.SigningSecret,
            ReconnectBaseDelay = TimeSpan.FromMilliseconds(50),
            MaxReconnectDelay = TimeSpan.FromMilliseconds(500),
            HeartbeatInterval = TimeSpan.FromMilliseconds(500),
            DrainTimeout = TimeSpan.FromSeconds(1),
        });
        _client.Connected += connected =>
        {
            Pending = connected.Pending;
            Interlocked.Increment(ref _connections);
        };
        _run = _client.RunAsync(
            async (delivery, stopping) =>
            {
                var number = int.Parse(delivery.Text, CultureInfo.InvariantCulture);
                tally.Deliver(number);
                await (handle?.Invoke(number, stopping) ?? Task.CompletedTask);
            },
            _stop.Token);
    }

    /// <summary>How often it has connected.</summary>
    public int Connections => Volatile.Read(ref _connections);

    /// <summary>How many of its events were not settled when it last connected.</summary>
    public long Pending { get; private set; }

    /// <summary>Ends when it gives up, and says why.</summary>
    public Task Ended => _run;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _run.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _client.DisposeAsync();
        _stop.Dispose();
    }
}
