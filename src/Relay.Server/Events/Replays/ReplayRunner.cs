using Relay.Server.Agents;
using Relay.Server.Delivery;

namespace Relay.Server.Events.Replays;

/// <summary>Does a job's work: finds the newest that the filter takes, and replays them oldest first.</summary>
internal sealed class ReplayRunner(IDeliveryQueue queue, EventReplayer replayer, AgentDirectory agents)
{
    private const int PageSize = 500;

    /// <summary>So many bodies are in memory.</summary>
    private const int AtATime = 16;

    /// <summary>An id is made a moment before its event's time is taken, and nodes' clocks differ a little.</summary>
    private static readonly TimeSpan Slack = TimeSpan.FromMinutes(1);

    /// <returns>Null when all was done, else why it ended before.</returns>
    public async Task<string?> RunAsync(ReplayJob job, CancellationToken cancellationToken)
    {
        var ids = await CollectAsync(job, cancellationToken);
        job.Found(ids.Count);
        foreach (var batch in ids.Chunk(AtATime))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (await agents.FindAsync(job.Agent, cancellationToken) is not { } agent)
            {
                return "The agent was deactivated.";
            }

            var found = await Task.WhenAll(batch.Select(id => queue.FindAsync(job.Agent, id)));
            var kept = found.OfType<StoredEvent>().Where(stored => EventStatuses.Of(stored.State) == job.Filter.Status).ToList();

            // All are begun before one is awaited, and each takes its place as it is begun: the order stays.
            var results = await Task.WhenAll(kept.ConvertAll(stored => replayer.ReplayAsync(agent, stored)));
            var refused = results.Count(static result => result.Status == AcceptStatus.QueueFull);
            job.Add(replayed: results.Length - refused, failed: batch.Length - results.Length + refused);
            if (refused > 0)
            {
                return "The agent's queue is full. Replay the rest when it has room.";
            }
        }

        return null;
    }

    private async Task<List<EventId>> CollectAsync(ReplayJob job, CancellationToken cancellationToken)
    {
        var filter = job.Filter;
        List<EventId> ids = [];
        EventId? before = EventIdSource.FirstAt(filter.To + Slack);
        while (before is not null)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var page = await queue.ListAsync(job.Agent, new EventQuery(filter.Status, before, PageSize));
            ids.AddRange(page.Events.Where(one => one.AcceptedAt >= filter.From && one.AcceptedAt <= filter.To && !Probe.Is(one.Head)).Select(static one => one.Id));
            before = ids.Count >= filter.Limit || page.Events.Any(one => one.AcceptedAt < filter.From - Slack) ? null : page.Next;
        }

        var newest = ids.Count > filter.Limit ? ids[..filter.Limit] : ids;
        newest.Reverse();
        return newest;
    }
}
