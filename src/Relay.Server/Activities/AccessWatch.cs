using Relay.Server.Agents;
using Relay.Server.Connections;
using Relay.Server.Delivery;

namespace Relay.Server.Activities;

/// <summary>Ends what an agent's key has opened for long, within a second after the key opens nothing any more. Any thread.</summary>
internal sealed class AccessWatch(AgentDirectory agents, IDeliveryQueue queue, TimeProvider time, ILogger<AccessWatch> logger)
{
    /// <summary>A lost signal of a change costs at most this, and a key whose time is over opens no longer than this.</summary>
    private static readonly TimeSpan SweepInterval = TimeSpan.FromSeconds(10);

    /// <param name="agent">Found by the key.</param>
    /// <param name="end">Called once or more, never after the disposal.</param>
    /// <returns>Dispose to end the watch.</returns>
    public async Task<IAsyncDisposable> BeginAsync(Agent agent, Action end)
    {
        var watch = new AgentWatch(agent.Id, () => agents.ReloadAsync(agent, CancellationToken.None), EndIfGone, time, logger);
        var timer = time.CreateTimer(_ => watch.Look(), state: null, SweepInterval, SweepInterval);
        var subscription = await queue.SubscribeAsync(agent.Id, signal =>
        {
            if (signal.AgentChanged)
            {
                watch.Look();
            }
        });

        // It may have changed since the key was checked.
        watch.Look();
        return new Watch(watch, timer, subscription);

        void EndIfGone(Agent? found)
        {
            if (found is null)
            {
                end();
            }
        }
    }

    private sealed class Watch(AgentWatch watch, ITimer timer, IAsyncDisposable subscription) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            timer.Dispose();
            await subscription.DisposeAsync();
            await watch.EndAsync();
        }
    }
}
