using Relay.Server.Delivery;

namespace Relay.Server.Tests.Storage.Model;

/// <summary>One event in <see cref="QueueModel"/>.</summary>
internal sealed class ModelEvent(NewEvent accepted)
{
    private const int MaxHistory = 100;

    public NewEvent Accepted { get; } = accepted;

    public EventId Id => Accepted.Id;

    public EventState State { get; set; } = EventState.Ready;

    /// <summary>When it may be handed out, or its lease ends.</summary>
    public DateTimeOffset Due { get; set; }

    /// <summary>The deadline with which it was last handed out, not moved by extensions.</summary>
    public DateTimeOffset LeasedUntil { get; private set; }

    public int Attempts { get; private set; }

    public int Failures { get; set; }

    public bool LossCounted { get; set; }

    public SessionId Holder { get; private set; }

    public DateTimeOffset LeasedAt { get; private set; }

    /// <summary>When it was delivered or given up.</summary>
    public DateTimeOffset SettledAt { get; set; }

    public List<AttemptRecord> History { get; } = [];

    public bool IsSettled => State is EventState.Delivered or EventState.Dead or EventState.Expired;

    public bool HasDueTime => State is EventState.Waiting or EventState.Leased;

    public bool IsHeldBy(SessionId session) => State == EventState.Leased && Holder == session;

    public void Lease(SessionId session, DateTimeOffset now, DateTimeOffset until)
    {
        (State, Holder, LeasedAt, Due, LeasedUntil) = (EventState.Leased, session, now, until, until);
        Attempts++;
    }

    /// <summary>Ends the attempt that the lease is; without a lease there is none.</summary>
    public void EndAttempt(AttemptOutcome outcome, string? reason, DateTimeOffset at)
    {
        if (State == EventState.Leased && Attempts <= MaxHistory)
        {
            var duration = at.ToUnixTimeMilliseconds() - LeasedAt.ToUnixTimeMilliseconds();
            History.Add(new AttemptRecord(Attempts, LeasedAt.ToUnixTimeMilliseconds(), Holder.Via, Holder.Value, outcome, reason, duration));
        }
    }

    public StoredEvent AsStored() => new(
        Id, Accepted.Agent, State, Accepted.AcceptedAt, Accepted.Head, Accepted.Body, Attempts, Failures, HasDueTime ? Due : null, [.. History])
    {
        LossCounted = LossCounted,
    };
}
