using Relay.Protocol;
using Relay.Server.Delivery;

namespace Relay.Server.Storage.Embedded;

/// <summary>An agent's events, to look at.</summary>
internal static class Listing
{
    private static readonly EventId AfterAll = new(UInt128.MaxValue);

    public static EventPage List(this EmbeddedTables tables, RelayId agent, EventQuery query)
    {
        if (tables.Queues.Find(agent) is not { } queue) return EventPage.Empty;

        // One more than asked for from each state, newest first: the page is the newest of all these, and whether one is left over is seen.
        var rows = StatesOf(query.Status)
            .SelectMany(state => tables.Events.Newest(queue.Number, state, query.Before ?? AfterAll, query.Limit + 1))
            .OrderByDescending(static row => row.Id)
            .Take(query.Limit + 1)
            .ToList();
        var events = rows.Take(query.Limit).Select(tables.Summarize).ToList();
        return new EventPage(events, rows.Count > query.Limit ? events[^1].Id : null);
    }

    private static EventState[] StatesOf(EventStatus? status) => status switch
    {
        EventStatus.Queued => [EventState.Ready, EventState.Waiting, EventState.Held],
        EventStatus.InFlight => [EventState.Leased],
        EventStatus.Delivered => [EventState.Delivered],
        EventStatus.Dead => [EventState.Dead],
        EventStatus.Expired => [EventState.Expired],
        _ => Enum.GetValues<EventState>(),
    };

    private static EventSummary Summarize(this EmbeddedTables tables, EventRow row)
    {
        var head = tables.Events.Head(row.Key);
        return new EventSummary(
            row.Id, row.State, DateTimeOffset.FromUnixTimeMilliseconds(row.AcceptedAt), head, row.SizeBytes - head.Length, row.Attempts, row.Failures, row.DueAt);
    }
}
