using Relay.Server.Storage;

namespace Relay.Server.Agents;

/// <summary>Forgets what this node remembers of an agent as soon as another one has changed it.</summary>
internal sealed class ChangedAgents(AgentDirectory agents, TimeProvider time, IAgentChanges? changes = null) : BackgroundService
{
    private static readonly TimeSpan RetryInterval = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (changes is null)
        {
            return;
        }

        try
        {
            await using var subscription = await SubscribeAsync(changes, stoppingToken);

            // Something may have changed before anybody listened.
            agents.ForgetAll();
            await Task.Delay(Timeout.InfiniteTimeSpan, time, stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
        }
    }

    private async Task<IAsyncDisposable> SubscribeAsync(IAgentChanges source, CancellationToken stoppingToken)
    {
        while (true)
        {
            try
            {
                return await source.SubscribeAsync(changed =>
                {
                    if (changed is { } id)
                    {
                        agents.Forget(id);
                    }
                    else
                    {
                        agents.ForgetAll();
                    }
                });
            }
            catch (StoreUnavailableException)
            {
                await Task.Delay(RetryInterval, time, stoppingToken);
            }
        }
    }
}
