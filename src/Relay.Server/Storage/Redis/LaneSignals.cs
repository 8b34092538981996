using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <summary>Who listens to channels on one lane, whichever multiplexer it uses. Any thread.</summary>
internal sealed class LaneSignals(RedisLane lane)
{
    private readonly Lock _gate = new();
    private readonly HashSet<SignalListener> _listeners = [];

    /// <param name="channel">On which.</param>
    /// <param name="onMessage">What comes.</param>
    /// <param name="onMissed">Some may have been missed.</param>
    /// <exception cref="StoreUnavailableException">Nobody listens.</exception>
    public async Task<IAsyncDisposable> AddAsync(RedisChannel channel, Action<RedisValue> onMessage, Action onMissed)
    {
        var listener = Add(channel, onMessage, onMissed);
        try
        {
            await listener.ListenAsync();
            return listener;
        }
        catch (Exception error)
        {
            await listener.DisposeAsync();
            throw RedisErrors.Translate(error);
        }
    }

    /// <summary>Listens from the next connection on, as long as the lane lives. For who begins before the lane is connected.</summary>
    public void Keep(RedisChannel channel, Action<RedisValue> onMessage, Action? onMissed = null) => Add(channel, onMessage, onMissed ?? (static () => { }));

    public void Remove(SignalListener listener)
    {
        lock (_gate)
        {
            _listeners.Remove(listener);
        }
    }

    /// <summary>Makes all listen on the lane's present multiplexer and wakes them: they may have missed something.</summary>
    public async Task ResumeAsync()
    {
        SignalListener[] listeners;
        lock (_gate)
        {
            listeners = [.. _listeners];
        }

        await Task.WhenAll(listeners.Select(listener => listener.ListenAsync()));
        foreach (var listener in listeners)
        {
            listener.Wake();
        }
    }

    private SignalListener Add(RedisChannel channel, Action<RedisValue> onMessage, Action onMissed)
    {
        var listener = new SignalListener(lane, channel, onMessage, onMissed);
        lock (_gate)
        {
            _listeners.Add(listener);
        }

        return listener;
    }
}
