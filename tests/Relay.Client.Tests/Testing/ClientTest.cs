using Microsoft.Extensions.Logging;

namespace Relay.Client.Tests;

/// <summary>A fake relay, a clock that stands still, and clients that are cleaned up. No log line may hold the key or be an unexpected error.</summary>
public abstract class ClientTest : IAsyncLifetime
{
    private readonly List<RelayClient> _clients = [];

    internal FakeTimeProvider Clock { get; } = new();

    internal RecordingLogger Logger { get; } = new();

    internal FakeRelay Relay { get; private set; } = null!;

    /// <summary>Lines of level Error or above that the test means to see.</summary>
    protected int ExpectedErrors { get; set; }

    public async Task InitializeAsync() => Relay = await FakeRelay.StartAsync(Clock);

    public async Task DisposeAsync()
    {
        foreach (var client in _clients)
        {
            var disposal = client.DisposeAsync().AsTask();
            while (!disposal.IsCompleted)
            {
                // What the test left open is not waited for.
                Clock.Advance(TimeSpan.FromSeconds(20));
                await Task.WhenAny(disposal, Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System));
            }
        }

        await Relay.DisposeAsync();
        Assert.Equal(ExpectedErrors, Logger.Lines.Count(line => line.Level >= LogLevel.Error));
        Assert.DoesNotContain(Logger.Lines, line => line.Text.Contains(Relay.Key.Reveal(), StringComparison.Ordinal));
    }

    internal RelayClient NewClient(Action<RelayClientOptions>? configure = null)
    {
        var options = Options();
        configure?.Invoke(options);
        var client = new RelayClient(options);
        _clients.Add(client);
        return client;
    }

    internal RelayClientOptions Options() => new()
    {
        Url = Relay.Url,
        ApiKey = Relay.Key.Reveal(),
        TimeProvider = Clock,
        LoggerFactory = Logger,
        Jitter = () => 0.5,
    };

    /// <summary>Starts taking deliveries one by one, in the background, and answers where they arrive.</summary>
    internal static Recorded<RelayDelivery> Receive(RelayClient client, CancellationToken cancellationToken = default) =>
        Receive(client, out _, cancellationToken);

    internal static Recorded<RelayDelivery> Receive(RelayClient client, out Task ended, CancellationToken cancellationToken = default)
    {
        var taken = new Recorded<RelayDelivery>();
        ended = Task.Run(
            async () =>
            {
                await foreach (var delivery in client.ReceiveAsync(cancellationToken))
                {
                    taken.Add(delivery);
                }
            },
            CancellationToken.None);
        return taken;
    }

    internal static Recorded<T> Record<T>(Action<Action<T>> subscribe)
    {
        var recorded = new Recorded<T>();
        subscribe(recorded.Add);
        return recorded;
    }
}
