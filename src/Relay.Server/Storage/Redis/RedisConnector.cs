using System.Net;
using Microsoft.Extensions.Options;
using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <summary>
/// Makes connected multiplexers: to a Redis Cluster, or to the one server that is the primary. Any thread.
/// <para>
/// A multiplexer of several servers would follow whichever says that it is a primary, also one that comes back from the dead with old data;
/// so it is given the one server only, and <see cref="LaneWatch"/> asks for another when that is no primary any more.
/// </para>
/// </summary>
internal sealed class RedisConnector : IAsyncDisposable
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(2);
    private readonly ConfigurationOptions _options;
    private readonly RedisSentinels? _sentinels;

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
        _options.AllowAdmin = true; // To read the settings that events depend on, no more.
        _options.TieBreaker = ""; // Who is the primary is found out here.
        if (!string.IsNullOrEmpty(_options.ServiceName))
        {
            _sentinels = new RedisSentinels(_options.Clone());
            _options.ServiceName = null;
            _options.EndPoints.Clear();
        }
    }

    /// <exception cref="StoreUnavailableException">Redis, or its primary, cannot be reached now; it says why as far as that is known.</exception>
    public async Task<ConnectionMultiplexer> ConnectAsync(CancellationToken cancellationToken)
    {
        if (_sentinels is not null)
        {
            return await ConnectToAsync(await _sentinels.FindPrimaryAsync(cancellationToken), cancellationToken);
        }

        var found = await OpenAsync(_options, cancellationToken);
        if (_options.EndPoints.Count == 1 || RedisServers.IsCluster(found))
        {
            await PrepareAsync(found, cancellationToken);
            return found;
        }

        try
        {
            return await ConnectToAsync(Choose(found), cancellationToken);
        }
        finally
        {
            await CloseAsync(found);
        }
    }

    /// <summary>Whether the Sentinels, if there are any and they can say, mean this primary too.</summary>
    public async Task<bool> IsCurrentAsync(ConnectionMultiplexer multiplexer, CancellationToken cancellationToken)
    {
        try
        {
            return _sentinels is null || await _sentinels.FindPrimaryAsync(cancellationToken) is var primary && multiplexer.GetEndPoints().Contains(primary);
        }
        catch (StoreUnavailableException)
        {
            return true;
        }
    }

    public ValueTask DisposeAsync() => _sentinels?.DisposeAsync() ?? ValueTask.CompletedTask;

    /// <summary>Off the caller's thread: closing blocks.</summary>
    public static Task CloseAsync(ConnectionMultiplexer multiplexer) => Task.Run(() =>
    {
        multiplexer.Close(allowCommandsToComplete: false);
        multiplexer.Dispose();
    });

    /// <summary>The one primary, or without any a replica, whose answers say what it is.</summary>
    private static EndPoint Choose(ConnectionMultiplexer found)
    {
        var connected = RedisServers.Of(found).Where(static server => server.IsConnected).ToArray();
        var primaries = Array.FindAll(connected, static server => !server.IsSlave);
        return primaries.Length > 1
            ? throw new StoreUnavailableException(RedisErrors.SeveralPrimaries)
            : (primaries.FirstOrDefault() ?? connected.FirstOrDefault())?.EndPoint ?? throw new StoreUnavailableException(RedisErrors.NotConnected);
    }

    private async Task<ConnectionMultiplexer> ConnectToAsync(EndPoint address, CancellationToken cancellationToken)
    {
        var options = _options.Clone();
        options.EndPoints.Clear();
        options.EndPoints.Add(address);
        var multiplexer = await OpenAsync(options, cancellationToken);
        await PrepareAsync(multiplexer, cancellationToken);
        return multiplexer;
    }

    /// <exception cref="StoreUnavailableException">Nobody answers as it should.</exception>
    internal static async Task<ConnectionMultiplexer> OpenAsync(ConfigurationOptions options, CancellationToken cancellationToken)
    {
        var connecting = ConnectionMultiplexer.ConnectAsync(options.Clone());
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
            throw new StoreUnavailableException(RedisErrors.NotConnected);
        }

        if (!multiplexer.IsConnected)
        {
            var why = await WhyNotAsync(multiplexer);
            await CloseAsync(multiplexer);
            throw new StoreUnavailableException(RedisErrors.ExplainRefusal(why, hasPassword: !string.IsNullOrEmpty(options.Password)));
        }

#pragma warning disable CS0618 // Newer clients have no other way and mark it obsolete.
        multiplexer.PreserveAsyncOrder = false;
#pragma warning restore CS0618
        multiplexer.IncludeDetailInExceptions = false;
        return multiplexer;
    }

    private static async Task PrepareAsync(ConnectionMultiplexer multiplexer, CancellationToken cancellationToken)
    {
        await LoadScriptsAsync(multiplexer, cancellationToken);
        await WhenItHearsAsync(multiplexer, cancellationToken);
    }

    /// <summary>The client says it only to those who call.</summary>
    private static async Task<Exception?> WhyNotAsync(ConnectionMultiplexer multiplexer)
    {
        try
        {
            await multiplexer.GetDatabase().PingAsync().WaitAsync(ConnectTimeout);
            return null;
        }
        catch (Exception error) when (error is RedisException or TimeoutException)
        {
            return error;
        }
    }

    /// <summary>
    /// Before the first call: one that missed its script would run after a later one whose script another connection had loaded. What
    /// cannot be loaded now is loaded when it is missed.
    /// </summary>
    private static async Task LoadScriptsAsync(ConnectionMultiplexer multiplexer, CancellationToken cancellationToken)
    {
        try
        {
            await Task.WhenAll(RedisServers.Of(multiplexer).Where(static server => server.IsConnected)
                    .SelectMany(static _ => RedisScript.All, static (server, script) => server.ScriptLoadAsync(script.Text)))
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
}
