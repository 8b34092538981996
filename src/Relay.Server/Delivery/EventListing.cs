namespace Relay.Server.Delivery;

/// <param name="Status">Which events; null: all.</param>
/// <param name="Before">Only events whose id sorts before this one: where the page before ended.</param>
/// <param name="Limit">1 or more.</param>
internal readonly record struct EventQuery(EventStatus? Status, EventId? Before, int Limit);

/// <summary>An event as it stands, without its body and its history.</summary>
/// <param name="BodyBytes">How long its body is.</param>
internal sealed record EventSummary(
    EventId Id, EventState State, DateTimeOffset AcceptedAt, ReadOnlyMemory<byte> Head, long BodyBytes, int AttemptCount, int Failures, DateTimeOffset? DueAt);

/// <param name="Events">Newest id first. May be fewer than asked for, even none, although there is a next page.</param>
/// <param name="Next">For the next page's <see cref="EventQuery.Before"/>; null: this is the last.</param>
internal sealed record EventPage(IReadOnlyList<EventSummary> Events, EventId? Next)
{
    public static readonly EventPage Empty = new([], Next: null);
}
