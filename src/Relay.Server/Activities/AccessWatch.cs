using Relay.Server.Admin;
using Relay.Server.Agents;
using Relay.Server.Connections;
using Relay.Server.Delivery;
using Relay.Server.Storage;

namespace Relay.Server.Activities;

/// <summary>
/// Ends what a key has opened for long, after the key opens nothing any more: an agent's within a second, an administrator's within seconds. Any
/// thread.
/// </summary>
internal sealed class AccessWatch(AgentDirectory agents, AdminKeys adminKeys, IDeliveryQueue queue, TimeProvider time, ILogger<AccessWatch> logger)
{
    /// <summary>A lost signal of a change costs at most this, and a key whose time is over opens no longer than this.</summary>
    private static readonly TimeSpan SweepInterval = TimeSpan.FromSeconds(10);

    /// <param name="agent">Found by the key.</param>
    /// <param name="end">Called once or more, never after the disposal.</param>
    /// <returns>Dispose to end the watch.</returns>
    public async Task<IAsyncDisposable> BeginAsync(Agent agent, Action end)
    {
        var watch = new AgentWatch(new OpenedKey(agents, agent, end), agent.Id, time, logger);
        var subscription = await queue.SubscribeAsync(agent.Id, signal =>
        {
            if (signal.AgentChanged)
            {
                watch.Look();
            }
        });

        // It may have changed since the key was checked.
        watch.Look();
        return new Watch(watch, time.CreateTimer(_ => watch.Look(), state: null, SweepInterval, SweepInterval), subscription);
    }

    /// <param name="admin">By whose key.</param>
    /// <param name="end">Called at most once.</param>
    /// <returns>Dispose to end the watch.</returns>
    public IAsyncDisposable Begin(AdminCaller admin, Action end) => new AdminWatch(admin, adminKeys, end, time);

    private sealed class AdminWatch : IAsyncDisposable
    {
        private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(1);
        private readonly CancellationTokenSource _over = new();
        private readonly Task _run;

        public AdminWatch(AdminCaller admin, AdminKeys keys, Action end, TimeProvider time) =>
            _run = admin.KeyHash is { } hash ? RunAsync(hash, keys, end, time) : Task.CompletedTask;

        public async ValueTask DisposeAsync()
        {
            await _over.CancelAsync();
            await _run;
            _over.Dispose();
        }

        private async Task RunAsync(byte[] hash, AdminKeys keys, Action end, TimeProvider time)
        {
            using var timer = new PeriodicTimer(LookInterval, time);
            try
            {
                while (await timer.WaitForNextTickAsync(_over.Token))
                {
                    if (await IsGoneAsync(hash, keys))
                    {
                        end();
                        return;
                    }
                }
            }
            catch (OperationCanceledException)
            {
            }
        }

        private static async Task<bool> IsGoneAsync(byte[] hash, AdminKeys keys)
        {
            try
            {
                return await keys.FindAsync(hash) is null;
            }
            catch (StoreUnavailableException)
            {
                // It is asked again in a moment.
                return false;
            }
        }
    }

    private sealed class OpenedKey(AgentDirectory agents, Agent agent, Action end) : IAgentWatcher
    {
        public Task<Agent?> ReadAsync() => agents.ReloadAsync(agent, CancellationToken.None);

        public void Tell(Agent? found)
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
