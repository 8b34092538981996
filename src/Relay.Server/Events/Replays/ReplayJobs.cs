using Relay.Protocol;
using Relay.Server.Storage;

namespace Relay.Server.Events.Replays;

/// <summary>
/// The replays of many events on this node: those that run, one an agent, and the last that ended. They are not kept: after a restart
/// a job is unknown, and what it did not replay can be seen and replayed again. Any thread.
/// </summary>
internal sealed partial class ReplayJobs(
    ReplayRunner runner, IHostApplicationLifetime lifetime, TimeProvider time, ILogger<ReplayJobs> logger) : IHostedService
{
    private const int MostRunning = 16;
    private const int MostKept = 200;

    private readonly Lock _gate = new();
    private readonly LinkedList<ReplayJob> _jobs = new();
    private readonly Dictionary<ReplayJob, Task> _running = [];

    /// <returns>Null when as many run as may, or one of this agent does.</returns>
    public ReplayJob? Start(RelayId agent, ReplayFilter filter)
    {
        lock (_gate)
        {
            if (_running.Count >= MostRunning || _running.Keys.Any(other => other.Agent == agent) || lifetime.ApplicationStopping.IsCancellationRequested)
            {
                return null;
            }

            var job = new ReplayJob(agent, filter, time.GetUtcNow());
            _jobs.AddLast(job);
            if (_jobs.Count > MostKept)
            {
                _jobs.Remove(_jobs.First(static one => !one.IsRunning));
            }

            _running.Add(job, Task.Run(() => RunAsync(job)));
            return job;
        }
    }

    public ReplayJob? Find(string id)
    {
        lock (_gate)
        {
            return _jobs.FirstOrDefault(job => job.Id == id);
        }
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>The jobs know that the server stops: waits until they have ended, which each does after the events that it has begun.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        Task[] running;
        lock (_gate)
        {
            running = [.. _running.Values];
        }

        await Task.WhenAll(running).WaitAsync(cancellationToken);
    }

    /// <summary>Observes every fault itself.</summary>
    private async Task RunAsync(ReplayJob job)
    {
        string? reason;
        try
        {
            reason = await runner.RunAsync(job, lifetime.ApplicationStopping);
        }
        catch (OperationCanceledException)
        {
            reason = "The server was shut down.";
        }
        catch (StoreUnavailableException unavailable)
        {
            reason = "The store became unavailable. Replay the rest when it works again.";
            StoreFailed(logger, job.Id, job.Agent, unavailable.Message);
        }
        catch (Exception exception)
        {
            reason = "The server failed; see its log.";
            Failed(logger, exception, job.Id, job.Agent);
        }

        lock (_gate)
        {
            job.End(reason, time.GetUtcNow());
            _running.Remove(job);
        }

        var progress = job.Progress;
        Ended(logger, job.Id, job.Agent, progress.Status, progress.Replayed, progress.Found, reason);
    }

    [LoggerMessage(1501, LogLevel.Information, "{Job} of {Agent} is {Status}: {Replayed} of {Found} events were replayed. {Reason}")]
    private static partial void Ended(ILogger logger, string job, RelayId agent, string status, int replayed, int found, string? reason);

    [LoggerMessage(1502, LogLevel.Warning, "{Job} of {Agent} could not go on: {Cause}")]
    private static partial void StoreFailed(ILogger logger, string job, RelayId agent, string cause);

    [LoggerMessage(1503, LogLevel.Error, "{Job} of {Agent} failed")]
    private static partial void Failed(ILogger logger, Exception exception, string job, RelayId agent);
}
