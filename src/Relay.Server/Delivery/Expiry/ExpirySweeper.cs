using Microsoft.Extensions.Options;
using Relay.Protocol;
using Relay.Server.Agents;
using Relay.Server.Operations;
using Relay.Server.Storage;

namespace Relay.Server.Delivery.Expiry;

/// <summary>
/// Gives up events that have waited longer than their agent's retention, also when nobody comes to fetch them. Nothing is scanned: each agent
/// is looked at when its oldest event may be over, and once a day.
/// </summary>
internal sealed partial class ExpirySweeper(
    IAgenda agenda, IAgentStore agents, IDeliveryQueue queue, IOptions<DeliveryOptions> delivery, TimeProvider time, ILogger<ExpirySweeper> logger) : BackgroundService
{
    private const int AgentsAtATime = 100;
    private const int EventsAtATime = 200;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    /// <summary>An agent that this node took and did not finish is looked at again after this.</summary>
    private static readonly TimeSpan TakenFor = TimeSpan.FromMinutes(1);

    /// <summary>An agent whose events expire one after another is not looked at for each of them.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(10);

    /// <summary>A clock that was wrong when an entry was made is not believed for longer.</summary>
    private static readonly TimeSpan LongestPause = TimeSpan.FromDays(1);

    /// <summary>When a new agent is looked at first: by then it is stored, or never will be.</summary>
    public static readonly TimeSpan FirstPause = TimeSpan.FromMinutes(1);

    /// <summary>Whether the last sweep failed, of which one line is said, however often it does.</summary>
    private bool _failed;

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => time.RepeatAsync(Interval, () => SweepAsync(stoppingToken), stoppingToken);

    private async Task SweepAsync(CancellationToken stoppingToken)
    {
        var failed = false;
        IReadOnlyList<RelayId> due = [];
        do
        {
            var now = time.GetUtcNow();
            var until = now + TakenFor;
            await TryAsync(async () => due = await agenda.TakeDueAsync(AgendaKind.Expiry, now, until, AgentsAtATime));
            foreach (var agent in failed ? [] : due)
            {
                // One agent that cannot be looked at is no reason to leave out those after it.
                await TryAsync(() => SweepAsync(agent, until, stoppingToken));
            }
        }
        while (!failed && due.Count == AgentsAtATime);
        _failed = failed;

        async Task TryAsync(Func<Task> work)
        {
            try
            {
                stoppingToken.ThrowIfCancellationRequested();
                await work();
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                if (!_failed && !failed)
                {
                    NotSwept(logger, exception is StoreUnavailableException ? exception.Message : exception.ToString());
                }

                failed = true;
            }
        }
    }

    private async Task SweepAsync(RelayId id, DateTimeOffset takenUntil, CancellationToken stoppingToken)
    {
        if (await agents.FindAsync(id, stoppingToken) is not { } agent)
        {
            await agenda.RemoveAsync(AgendaKind.Expiry, id, takenUntil);
            return;
        }

        var retention = DeliveryPolicy.From(delivery.Value, agent.Delivery).Retention;
        var oldest = await ExpireAsync(id, retention, stoppingToken);
        if (oldest is null && !agent.Active)
        {
            await agenda.RemoveAsync(AgendaKind.Expiry, id, takenUntil);
            return;
        }

        var now = time.GetUtcNow();
        var next = (oldest is { } left ? EventIdSource.TimeOf(left) : now) + retention;
        await agenda.MoveAsync(AgendaKind.Expiry, id, takenUntil, next < now + Pause ? now + Pause : next > now + LongestPause ? now + LongestPause : next);
    }

    /// <returns>The oldest event that is left.</returns>
    private async Task<EventId?> ExpireAsync(RelayId agent, TimeSpan retention, CancellationToken stoppingToken)
    {
        var count = 0;
        ExpireResult result;
        do
        {
            stoppingToken.ThrowIfCancellationRequested();
            var now = time.GetUtcNow();
            result = await queue.ExpireAsync(agent, EventIdSource.FirstAt(now - retention + TimeSpan.FromMilliseconds(1)), now, EventsAtATime);
            count += result.Expired.Count;
        }
        while (result.Expired.Count == EventsAtATime);

        if (count > 0)
        {
            Expired(logger, count, agent);
        }

        return result.OldestLeft;
    }

    [LoggerMessage(1123, LogLevel.Warning, "{Count} events of {Agent} have expired: they were not delivered within the retention")]
    private static partial void Expired(ILogger logger, int count, RelayId agent);

    [LoggerMessage(1124, LogLevel.Warning, "Events could not be expired; it is tried again: {Cause}")]
    private static partial void NotSwept(ILogger logger, string cause);
}
