using System.Collections.Concurrent;
using System.Collections.Immutable;
using Relay.Protocol;
using Relay.Server.Delivery;

namespace Relay.Server.Storage.Embedded;

/// <summary>Who wants to know of an agent's queue, in this process. Any thread.</summary>
internal sealed class Subscriptions
{
    private readonly ConcurrentDictionary<RelayId, ImmutableArray<Subscription>> _byAgent = new();

    public IAsyncDisposable Add(RelayId agent, Action<QueueSignal> onSignal)
    {
        var subscription = new Subscription(this, agent, onSignal);
        _byAgent.AddOrUpdate(agent, [subscription], (_, others) => others.Add(subscription));
        return subscription;
    }

    public void Tell(RelayId agent, QueueSignal signal)
    {
        if (!_byAgent.TryGetValue(agent, out var subscriptions)) return;
        foreach (var subscription in subscriptions) subscription.OnSignal(signal);
    }

    private void Remove(Subscription subscription)
    {
        while (_byAgent.TryGetValue(subscription.Agent, out var before))
        {
            var after = before.Remove(subscription);
            var removed = after.IsEmpty
                ? _byAgent.TryRemove(KeyValuePair.Create(subscription.Agent, before))
                : _byAgent.TryUpdate(subscription.Agent, after, before);
            if (removed) return;
        }
    }

    private sealed class Subscription(Subscriptions owner, RelayId agent, Action<QueueSignal> onSignal) : IAsyncDisposable
    {
        public RelayId Agent => agent;

        public Action<QueueSignal> OnSignal => onSignal;

        public ValueTask DisposeAsync()
        {
            owner.Remove(this);
            return ValueTask.CompletedTask;
        }
    }
}
