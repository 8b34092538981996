using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Storage.Embedded.Batches;

namespace Relay.Server.Storage.Embedded;

/// <summary>An agent's events, to look at.</summary>
internal static class Listing
{
    private static readonly EventId AfterAll = new(UInt128.MaxValue);

    public static EventPage List(this EmbeddedTables tables, RelayId agent, EventQuery query)
    {
        if (tables.Queues.Find(agent) is not { } queue) return EventPage.Empty;
        tables.SaveReady(queue);

        // One more than asked for from each state, newest first: the page is the newest of all these, and whether one is left over is seen.
        var before = query.Before ?? AfterAll;
        var rows = StatesOf(query.Status)
            .SelectMany(state => tables.Events.Newest(queue.Number, state, before, query.Limit + 1)
                .Select(static row => (Row: row, Batch: (EventBatch?)null, Number: 0))
                .Concat(tables.InBatches(queue, state, before, query.Limit + 1)))
            .OrderByDescending(static one => one.Row.Id)
            .Take(query.Limit + 1)
            .ToList();
        Dictionary<EventBatch, byte[]> payloads = [];
        var events = rows.Take(query.Limit).Select(one => Summarize(one.Row, one.Batch is null ? tables.Events.Head(one.Row.Key) : HeadOf(one.Batch, one.Number))).ToList();
        return new EventPage(events, rows.Count > query.Limit ? events[^1].Id : null);

        byte[] HeadOf(EventBatch batch, int number)
        {
            if (!payloads.TryGetValue(batch, out var all)) payloads[batch] = all = tables.Batches.Payloads(batch);
            return all.AsSpan(batch.PlaceOf(number), batch.Events[number].HeadBytes).ToArray();
        }
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

    private static EventSummary Summarize(EventRow row, byte[] head) => new(
        row.Id, row.State, DateTimeOffset.FromUnixTimeMilliseconds(row.AcceptedAt), head, row.SizeBytes - head.Length, row.Attempts, row.Failures, row.DueAt);
}
