using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <summary>One subscription to a channel. Any thread.</summary>
internal sealed class SignalListener(RedisLane lane, RedisChannel channel, Action<RedisValue> onMessage, Action onMissed) : IAsyncDisposable
{
    private readonly SemaphoreSlim _turn = new(1, 1);
    private ConnectionMultiplexer? _listensOn;
    private volatile bool _isDisposed;

    /// <summary>Subscribes on the lane's present multiplexer, if it has not yet.</summary>
    public async Task ListenAsync()
    {
        await _turn.WaitAsync();
        try
        {
            var multiplexer = lane.Multiplexer ?? throw new StoreUnavailableException(RedisErrors.NotConnected);
            if (_isDisposed || ReferenceEquals(multiplexer, _listensOn))
            {
                return;
            }

            var subscriber = multiplexer.GetSubscriber();
            _listensOn = multiplexer; // The client keeps the handler also when the call fails.
            await subscriber.SubscribeAsync(channel, OnMessage).WaitAsync(RedisLane.CallLimit);

            // The client answers at once, and says nothing, when it has no connection to subscribe on.
            if (subscriber.SubscribedEndpoint(channel) is null)
            {
                throw new StoreUnavailableException(RedisErrors.NotConnected);
            }

            await subscriber.PingAsync().WaitAsync(RedisLane.CallLimit);
        }
        catch
        {
            await StopListeningAsync();
            throw;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Messages may have been missed.</summary>
    public void Wake()
    {
        if (!_isDisposed)
        {
            onMissed();
        }
    }

    public async ValueTask DisposeAsync()
    {
        _isDisposed = true;
        lane.Signals.Remove(this);
        await _turn.WaitAsync();
        try
        {
            await StopListeningAsync();
        }
        finally
        {
            _turn.Release();
        }
    }

    private void OnMessage(RedisChannel from, RedisValue message)
    {
        if (!_isDisposed)
        {
            onMessage(message);
        }
    }

    private async Task StopListeningAsync()
    {
        if (Interlocked.Exchange(ref _listensOn, null) is not { } multiplexer)
        {
            return;
        }

        try
        {
            await multiplexer.GetSubscriber().UnsubscribeAsync(channel, OnMessage).WaitAsync(RedisLane.CallLimit);
        }
        catch (Exception error) when (error is RedisException or TimeoutException or ObjectDisposedException)
        {
            // Its connection is gone, and the subscription with it.
        }
    }
}
