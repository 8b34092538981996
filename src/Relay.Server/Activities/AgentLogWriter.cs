using System.Threading.Channels;
using Relay.Server.Storage;

namespace Relay.Server.Activities;

/// <summary>
/// Brings log entries to the store beside the work that they are about: in batches, from a bounded queue. What the queue or the store
/// cannot take is lost, and counted. Write: any thread, never waits. What was written before the stop is stored.
/// </summary>
internal sealed partial class AgentLogWriter(IAgentLog log, ILogger<AgentLogWriter> logger) : BackgroundService
{
    private const int MostQueued = 8192;
    private const int MostInBatch = 256;

    private readonly Channel<AgentActivity> _queue = Channel.CreateBounded<AgentActivity>(new BoundedChannelOptions(MostQueued) { SingleReader = true });
    private int _lost;

    public void Write(AgentActivity activity)
    {
        if (!_queue.Writer.TryWrite(activity))
        {
            Interlocked.Increment(ref _lost);
        }
    }

    /// <summary>Everything that stops before has written its last by now.</summary>
    public override Task StopAsync(CancellationToken cancellationToken)
    {
        _queue.Writer.TryComplete();
        return base.StopAsync(cancellationToken);
    }

    /// <summary>Ends when the queue is complete and empty.</summary>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        List<AgentActivity> batch = new(MostInBatch);
        while (await _queue.Reader.WaitToReadAsync(CancellationToken.None))
        {
            while (batch.Count < MostInBatch && _queue.Reader.TryRead(out var activity))
            {
                batch.Add(activity);
            }

            foreach (var ofAgent in batch.GroupBy(static activity => activity.Agent))
            {
                await StoreAsync(ofAgent);
            }

            batch.Clear();
            if (Interlocked.Exchange(ref _lost, 0) is > 0 and var lost)
            {
                Lost(logger, lost);
            }
        }
    }

    private async Task StoreAsync(IGrouping<Protocol.RelayId, AgentActivity> ofAgent)
    {
        var entries = ofAgent.Select(ActivityEntry.From).ToList();
        try
        {
            await log.AppendAsync(ofAgent.Key, entries);
        }
        catch (StoreUnavailableException)
        {
            // Who could not do something that matters says that the store is away.
            Interlocked.Add(ref _lost, entries.Count);
        }
        catch (Exception exception)
        {
            Failed(logger, exception, ofAgent.Key);
        }
    }

    [LoggerMessage(1511, LogLevel.Information, "{Count} entries of agents' logs could not be stored")]
    private static partial void Lost(ILogger logger, int count);

    [LoggerMessage(1512, LogLevel.Error, "The log of {Agent} could not be written")]
    private static partial void Failed(ILogger logger, Exception exception, Protocol.RelayId agent);
}
