using System.Net;
using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <summary>
/// Asks Sentinels who is the primary of the service that the connection string names (<c>serviceName=…</c>; its servers are the Sentinels).
/// One multiplexer for all of them, made when it is first needed and kept. Any thread.
/// </summary>
internal sealed class RedisSentinels : IAsyncDisposable
{
    private static readonly TimeSpan AskLimit = TimeSpan.FromSeconds(1);
    private readonly ConfigurationOptions _options;
    private readonly string _service;
    private readonly SemaphoreSlim _turn = new(1, 1);
    private ConnectionMultiplexer? _multiplexer;

    public RedisSentinels(ConfigurationOptions options)
    {
        _service = options.ServiceName;
        _options = options;
        _options.ServiceName = null;
        _options.CommandMap = CommandMap.Sentinel;
        _options.TieBreaker = "";
        _options.DefaultDatabase = null;
    }

    /// <returns>What most of those say that answer.</returns>
    /// <exception cref="StoreUnavailableException">None does, or they are as many for one as for another.</exception>
    public async Task<EndPoint> FindPrimaryAsync(CancellationToken cancellationToken)
    {
        var multiplexer = await GetMultiplexerAsync(cancellationToken);
        var answers = await Task.WhenAll(RedisServers.Of(multiplexer).Where(static server => server.IsConnected).Select(server => AskAsync(server, cancellationToken)));
        EndPoint[][] named = [.. answers.OfType<EndPoint>().GroupBy(static address => address).Select(static same => same.ToArray()).OrderByDescending(static same => same.Length)];
        return named.Length == 1 || (named.Length > 1 && named[0].Length > named[1].Length) ? named[0][0] : throw new StoreUnavailableException(RedisErrors.NoSentinel);
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _multiplexer, null) is { } last)
        {
            await RedisConnector.CloseAsync(last);
        }

        _turn.Dispose();
    }

    private async Task<EndPoint?> AskAsync(IServer sentinel, CancellationToken cancellationToken)
    {
        try
        {
            return await sentinel.SentinelGetMasterAddressByNameAsync(_service).WaitAsync(AskLimit, cancellationToken);
        }
        catch (Exception error) when (error is RedisException or TimeoutException or ObjectDisposedException)
        {
            return null;
        }
    }

    private async Task<ConnectionMultiplexer> GetMultiplexerAsync(CancellationToken cancellationToken)
    {
        if (Volatile.Read(ref _multiplexer) is { IsConnected: true } connected)
        {
            return connected;
        }

        await _turn.WaitAsync(cancellationToken);
        try
        {
            if (_multiplexer is { IsConnected: true } already)
            {
                return already;
            }

            var fresh = await RedisConnector.OpenAsync(_options, cancellationToken);
            if (Interlocked.Exchange(ref _multiplexer, fresh) is { } dead)
            {
                await RedisConnector.CloseAsync(dead);
            }

            return fresh;
        }
        finally
        {
            _turn.Release();
        }
    }
}
