using Relay.Protocol;
using Relay.Server.Activities;
using Relay.Server.Agents;
using Relay.Server.Connections;
using Relay.Server.Delivery;
using Relay.Server.Operations;
using Relay.Server.Storage;

namespace Relay.Server.HttpFallback;

/// <summary>
/// The agents that this node brings events to by HTTP: those that an event came for here, and those that the agenda says are due because no
/// node looks after them. Any thread.
/// </summary>
internal sealed partial class HttpDeliveries(HttpDeliveryServices services) : BackgroundService
{
    private const int MaxTaken = 100;
    private static readonly TimeSpan TakeInterval = TimeSpan.FromSeconds(1);

    /// <summary>How long posts that are on their way may take when the server stops.</summary>
    private static readonly TimeSpan DrainTimeout = TimeSpan.FromSeconds(10);

    private readonly Lock _gate = new();
    private readonly Dictionary<RelayId, HttpDelivery> _byAgent = [];
    private readonly HashSet<Task> _runs = [];
    private readonly CancellationTokenSource _stopping = new();
    private readonly CancellationTokenSource _cutOff = new();
    private bool _stopped;

    /// <summary>
    /// Something may be due for an agent that has an endpoint. Called when it is stored; returns when it is certain that it is seen to, also
    /// when this node dies.
    /// </summary>
    public Task WatchAsync(RelayId agent)
    {
        lock (_gate)
        {
            return _stopped
                ? services.Agenda.SetAsync(AgendaKind.HttpFallback, agent, services.Time.GetUtcNow())
                : Begin(agent).EnsureListedAsync();
        }
    }

    /// <summary>The same for what was given back: if that cannot be said now, it is seen to when something else comes, or its old time does.</summary>
    public async Task TryWatchAsync(RelayId agent)
    {
        try
        {
            await WatchAsync(agent);
        }
        catch (StoreUnavailableException)
        {
        }
    }

    public override void Dispose()
    {
        base.Dispose();
        _stopping.Dispose();
        _cutOff.Dispose();
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // As soon as connections drain, and not when they have ended.
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, services.Lifetime.ApplicationStopping);
        await services.Time.RepeatAsync(TakeInterval, TakeDueAsync, stopping.Token, atOnce: true);
        await StopAllAsync();
    }

    private async Task TakeDueAsync()
    {
        try
        {
            IReadOnlyList<RelayId> taken;
            do
            {
                var now = services.Time.GetUtcNow();
                var until = now + HttpDelivery.Hold;
                taken = await services.Agenda.TakeDueAsync(AgendaKind.HttpFallback, now, until, MaxTaken);
                lock (_gate)
                {
                    foreach (var agent in taken)
                    {
                        Begin(agent).Taken(until);
                    }
                }
            }
            while (taken.Count == MaxTaken);
        }
        catch (StoreUnavailableException)
        {
            // The next second it may be back, and nothing was lost.
        }
        catch (Exception exception)
        {
            NotTaken(services.Logger, exception);
        }
    }

    /// <summary>Under the lock.</summary>
    private HttpDelivery Begin(RelayId agent)
    {
        if (_byAgent.TryGetValue(agent, out var running) && running.TryKeep())
        {
            return running;
        }

        var delivery = new HttpDelivery(agent, services, _cutOff.Token);
        _byAgent[agent] = delivery;
        _runs.RemoveWhere(static run => run.IsCompleted);
        _runs.Add(Task.Run(() => RunAsync(agent, delivery)));
        return delivery;
    }

    private async Task RunAsync(RelayId agent, HttpDelivery delivery)
    {
        await delivery.RunAsync(_stopping.Token);
        lock (_gate)
        {
            if (_byAgent.GetValueOrDefault(agent) == delivery)
            {
                _byAgent.Remove(agent);
            }
        }
    }

    private async Task StopAllAsync()
    {
        Task runs;
        lock (_gate)
        {
            _stopped = true;
            runs = Task.WhenAll(_runs);
        }

        await _stopping.CancelAsync();
        try
        {
            await runs.WaitAsync(DrainTimeout, services.Time);
        }
        catch (TimeoutException)
        {
            await _cutOff.CancelAsync();
            await runs;
        }
    }

    [LoggerMessage(1605, LogLevel.Error, "The agents whose endpoints are due could not be taken up; it is tried again")]
    private static partial void NotTaken(ILogger logger, Exception exception);
}

/// <summary>What every delivery by HTTP needs.</summary>
internal sealed record HttpDeliveryServices(
    DeliveryPumpServices Pump,
    AgentDirectory Agents,
    AgentEditor Editor,
    IAgenda Agenda,
    ConnectionRegistry Connections,
    IPresence Presence,
    EndpointPoster Poster,
    TargetCircuits Circuits,
    ActivityHub Activities,
    IHostApplicationLifetime Lifetime,
    TimeProvider Time,
    ILogger<HttpDelivery> Logger);
