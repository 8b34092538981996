using Relay.Protocol;
using Relay.Server.Delivery;

namespace Relay.Server.Events;

/// <summary>Makes what the API shows of what the store keeps.</summary>
internal static class EventView
{
    public static EventItem Item(RelayId agent, EventSummary summary)
    {
        var head = Head.Read(summary.Head);
        return new EventItem
        {
            Id = summary.Id.ToString(),
            RelayId = agent.Value,
            Status = EventStatuses.Of(summary.State).Name(),
            ReceivedAt = summary.AcceptedAt.ToUnixTimeMilliseconds(),
            Method = head.Method,
            Path = head.Path,
            Query = head.Query,
            ContentType = head.ContentType,
            SizeBytes = summary.BodyBytes,
            AttemptCount = summary.AttemptCount,
            DueAt = summary.DueAt?.ToUnixTimeMilliseconds(),
            ReplayOf = head.ReplayOf,
        };
    }

    public static EventDetails Details(StoredEvent stored)
    {
        var head = Head.Read(stored.Head);
        var body = stored.Body.Span;
        using var canonical = new PooledBufferWriter(body.Length + 64);
        var payload = CanonicalJson.TryWrite(body, canonical) ? canonical.WrittenSpan.ToArray() : null;
        return new EventDetails
        {
            Id = stored.Id.ToString(),
            RelayId = stored.Agent.Value,
            Status = EventStatuses.Of(stored.State).Name(),
            ReceivedAt = stored.AcceptedAt.ToUnixTimeMilliseconds(),
            Method = head.Method,
            Path = head.Path,
            Query = head.Query,
            Headers = head.Headers,
            ContentType = head.ContentType,
            SizeBytes = body.Length,
            Payload = payload,
            Body = payload is not null && body.SequenceEqual(payload) ? null : body.ToArray(),
            Source = head.Source,
            AttemptCount = stored.AttemptCount,
            Attempts = stored.Attempts,
            DueAt = stored.DueAt?.ToUnixTimeMilliseconds(),
            ReplayOf = head.ReplayOf,
        };
    }
}
