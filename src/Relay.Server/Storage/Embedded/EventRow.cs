using Relay.Server.Delivery;

namespace Relay.Server.Storage.Embedded;

/// <summary>An event without its payload and history; see <see cref="Schema"/>.</summary>
internal readonly record struct EventRow(
    long Key, EventId Id, long Queue, long Seq, EventState State, long Due, long AcceptedAt, long SizeBytes,
    int Attempts, int Failures, bool LossCounted, string? Holder, long LeasedAt, byte[]? OrderingKey, long? ReplyBy)
{
    public bool IsSettled => State >= EventState.Delivered;

    /// <summary>When it comes due, for what is leased or waiting.</summary>
    public DateTimeOffset? DueAt => State is EventState.Leased or EventState.Waiting ? DateTimeOffset.FromUnixTimeMilliseconds(Due) : null;

    public bool IsHeldBy(SessionId session) => State == EventState.Leased && Holder == session.Value;

    /// <summary>Whether what the settlement ends is what is going on.</summary>
    public bool IsHeldBy(Settlement settlement) => IsHeldBy(settlement.Session) && (settlement.Attempt == 0 || settlement.Attempt == Attempts);

    public SessionId HolderSession => new(Holder ?? "");

    /// <summary>The attempt that the lease was, now that it ends.</summary>
    public AttemptRecord EndAttempt(AttemptOutcome outcome, string? reason, long at) =>
        new(Attempts, LeasedAt, HolderSession.Via, Holder ?? "", outcome, reason, at - LeasedAt);
}
