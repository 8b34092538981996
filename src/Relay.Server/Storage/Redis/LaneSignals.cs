using Relay.Server.Delivery;
using StackExchange.Redis;

namespace Relay.Server.Storage.Redis;

/// <summary>Who listens to agents' channels on one lane, whichever multiplexer it uses. Any thread.</summary>
internal sealed class LaneSignals(RedisLane lane)
{
    private readonly Lock _gate = new();
    private readonly HashSet<SignalListener> _listeners = [];

    /// <exception cref="StoreUnavailableException">Nobody listens.</exception>
    public async Task<IAsyncDisposable> AddAsync(RedisChannel channel, Action<QueueSignal> onSignal)
    {
        var listener = new SignalListener(lane, channel, onSignal);
        lock (_gate)
        {
            _listeners.Add(listener);
        }

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
}
