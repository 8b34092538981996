using Microsoft.Extensions.Options;
using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <summary>Makes connected multiplexers. Any thread.</summary>
internal sealed class RedisConnector
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(2);
    private readonly ConfigurationOptions _options;

    /// <exception cref="InvalidOperationException">Relay:Storage:Redis is missing or cannot be read.</exception>
    public RedisConnector(IOptions<StorageOptions> storage)
    {
        var text = storage.Value.Redis;
        if (string.IsNullOrWhiteSpace(text))
        {
            throw new InvalidOperationException("Relay:Storage:Kind is 'redis': set Relay:Storage:Redis to a StackExchange.Redis connection string, such as 'localhost:6379'.");
        }

        try
        {
            _options = ConfigurationOptions.Parse(text);
        }
        catch (ArgumentException)
        {
            // What it complains about may be a part of a password.
            throw new InvalidOperationException("Relay:Storage:Redis is not a StackExchange.Redis connection string, such as 'localhost:6379,password=…,ssl=true'. It knows no user names.");
        }

        _options.AbortOnConnectFail = false;
        _options.ConnectTimeout = Math.Min(_options.ConnectTimeout, (int)ConnectTimeout.TotalMilliseconds);
        _options.ClientName ??= "relay";
    }

    /// <returns>A connected multiplexer, or null: Redis cannot be reached now.</returns>
    public async Task<ConnectionMultiplexer?> ConnectAsync(CancellationToken cancellationToken)
    {
        var connecting = ConnectionMultiplexer.ConnectAsync(_options.Clone());
        ConnectionMultiplexer multiplexer;
        try
        {
            multiplexer = await connecting.WaitAsync(ConnectTimeout * 2, cancellationToken);
        }
        catch (Exception error) when (error is RedisException or TimeoutException or OperationCanceledException)
        {
            // Nobody waits for it any more. Looking at the exception observes it.
            _ = connecting.ContinueWith(
                static late => late.Exception is null ? CloseAsync(late.Result) : Task.CompletedTask,
                CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
            cancellationToken.ThrowIfCancellationRequested();
            return null;
        }

        if (!multiplexer.IsConnected)
        {
            await CloseAsync(multiplexer);
            return null;
        }

#pragma warning disable CS0618 // Newer clients have no other way and mark it obsolete.
        multiplexer.PreserveAsyncOrder = false;
#pragma warning restore CS0618
        multiplexer.IncludeDetailInExceptions = false;
        await LoadScriptsAsync(multiplexer, cancellationToken);
        await WhenItHearsAsync(multiplexer, cancellationToken);
        return multiplexer;
    }

    /// <summary>
    /// Before the first call: one that missed its script would run after a later one whose script another connection had loaded. What
    /// cannot be loaded now is loaded when it is missed.
    /// </summary>
    private static async Task LoadScriptsAsync(ConnectionMultiplexer multiplexer, CancellationToken cancellationToken)
    {
        var servers = multiplexer.GetEndPoints().Select(endpoint => multiplexer.GetServer(endpoint)).Where(static server => server.IsConnected);
        try
        {
            await Task.WhenAll(servers.SelectMany(static _ => RedisScript.All, static (server, script) => server.ScriptLoadAsync(script.Text)))
                .WaitAsync(ConnectTimeout, cancellationToken);
        }
        catch (Exception error) when (error is RedisException or TimeoutException)
        {
        }
    }

    /// <summary>The connection for signals comes a little later than the one for calls. If it does not, whoever looks after the lane will see.</summary>
    private static async Task WhenItHearsAsync(ConnectionMultiplexer multiplexer, CancellationToken cancellationToken)
    {
        for (var began = Environment.TickCount64; Environment.TickCount64 - began < ConnectTimeout.TotalMilliseconds;)
        {
            try
            {
                await multiplexer.GetSubscriber().PingAsync().WaitAsync(ConnectTimeout, cancellationToken);
                return;
            }
            catch (Exception error) when (error is RedisException or TimeoutException)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, cancellationToken);
            }
        }
    }

    /// <summary>Off the caller's thread: closing blocks.</summary>
    public static Task CloseAsync(ConnectionMultiplexer multiplexer) => Task.Run(() =>
    {
        multiplexer.Close(allowCommandsToComplete: false);
        multiplexer.Dispose();
    });
}
