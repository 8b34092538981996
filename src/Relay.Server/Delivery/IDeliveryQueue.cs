using System.Text.Json.Serialization;
using Relay.Protocol;
using Relay.Server.Storage;

namespace Relay.Server.Delivery;

/// <summary>
/// The durable queue: every accepted event, from its acceptance until it is acknowledged or given up, and a while longer to look at.
/// The store keeps state and never decides: when to retry and when to give up is said by the caller.
/// <para>
/// Any thread. A call that returns is durable; every call may throw <see cref="StoreUnavailableException"/>, and its outcome is
/// then unknown. Calls for one agent take effect in the order in which they were made: a call takes its place before it
/// returns its task.
/// </para>
/// <para>
/// Each event is in one state. <b>Ready</b>: never handed out, in the order of acceptance. <b>Held</b>: never handed out, because an older
/// one with its ordering key is not settled; when that one is, it is ready, at its own place in the order. <b>Leased</b>: handed out to a session, until
/// a deadline. <b>Waiting</b>: to be handed out again from its due time on. <b>Delivered</b>, <b>dead</b>, <b>expired</b>: settled.
/// </para>
/// </summary>
internal interface IDeliveryQueue
{
    /// <summary>Whether signals may be lost, so that who waits for events must ask now and then.</summary>
    bool LosesSignals { get; }

    /// <summary>
    /// Stores an event. With <see cref="AcceptTerms.Lease"/> it is stored already leased if no event of the agent is ready and that session
    /// holds the claim on the agent or needs none; otherwise it becomes ready and the agent's subscribers are told, or held. Where several nodes
    /// have connections that share the agent, they have events in turn, in proportion to their rooms: if it is another node's turn, it becomes ready.
    /// </summary>
    Task<AcceptResult> AcceptAsync(NewEvent accepted, AcceptTerms terms);

    /// <summary>
    /// Hands out what is due, to a session that holds the claim or needs none; a claim that nobody holds is taken by the asking session. First what is waiting or whose lease has run out (earliest due first), then what is ready (in order). Each is
    /// leased to the session until the deadline and its attempt counted. What is ready may be left, for a moment, to a session that shares the
    /// agent and whose turn it is. A lease found run out ends its attempt with the outcome
    /// <see cref="AttemptOutcome.LeaseExpired"/>. If a connection or a node that posts held it, its failures grow by one unless a loss was counted before, and a
    /// loss counts from then on; if a poll held it, its failures grow by one.
    /// </summary>
    Task<LeaseResult> LeaseAsync(RelayId agent, LeaseRequest request);

    /// <summary>
    /// Ends attempts, in one write. One result for each settlement, in the same order. An ack that answers the sender
    /// (<see cref="Settlement.AnswersSender"/>) is told to the <see cref="SenderWaits"/> of the node that accepted the event; to another node's in the same
    /// write, and it may be lost on the way. The agent's subscribers are told when that makes held events ready, and when a session that needs no claim gave something back to be handed out again: others may be handed it then.
    /// </summary>
    Task<IReadOnlyList<SettleResult>> SettleAsync(RelayId agent, IReadOnlyList<Settlement> settlements, DateTimeOffset now);

    /// <summary>Moves the deadline of leases that <paramref name="session"/> holds; others are left alone. One result for each id: whether it was moved.</summary>
    Task<IReadOnlyList<bool>> ExtendAsync(RelayId agent, SessionId session, IReadOnlyList<EventId> ids, DateTimeOffset until);

    /// <summary>
    /// Makes <paramref name="session"/> the only one of those that need a claim that is handed the agent's events. What other connections
    /// hold, those that share too, is due at once, its failures as they were and its attempt ended with
    /// <see cref="AttemptOutcome.Released"/>. The agent's subscribers are told. A session that needs no claim
    /// changes nothing and is only answered.
    /// </summary>
    Task<ClaimResult> ClaimAsync(RelayId agent, SessionId session, DateTimeOffset now);

    /// <summary>
    /// Gives up, as expired, events that sort before <paramref name="before"/> and that nobody works on: ready, held, waiting, or with a lease that has
    /// run out, whose attempt ends then with <see cref="AttemptOutcome.LeaseExpired"/>. The oldest first.
    /// </summary>
    Task<ExpireResult> ExpireAsync(RelayId agent, EventId before, DateTimeOffset now, int limit);

    /// <summary>The agent has been told of these gaps: what came to them since is kept for the next time.</summary>
    Task ForgetGapsAsync(RelayId agent, IReadOnlyList<Gap> told);

    /// <summary>The event as it stands, or null when it is unknown or no longer kept.</summary>
    Task<StoredEvent?> FindAsync(RelayId agent, EventId id);

    /// <summary>The event of a registered agent that the caller does not know: rare, and may cost a look at every agent.</summary>
    Task<StoredEvent?> FindAsync(EventId id);

    /// <summary>
    /// An agent's events, newest id first, a page at a time, at a cost that the page's size bounds, and, of delivered ones, how many are kept. An event that has the asked status all
    /// the while is on exactly one page, whatever comes and goes beside it.
    /// </summary>
    Task<EventPage> ListAsync(RelayId agent, EventQuery query);

    /// <summary>
    /// Calls <paramref name="onSignal"/> when an event of the agent becomes ready, a session claims it, or it is changed, on any node. Signals may be
    /// lost, repeated and late; the callback must be quick and not throw. Dispose to end.
    /// </summary>
    Task<IAsyncDisposable> SubscribeAsync(RelayId agent, Action<QueueSignal> onSignal);

    /// <summary>Forgets settled events whose time is over. Answers how many; a store that forgets by itself answers 0.</summary>
    Task<int> PruneAsync(DateTimeOffset now);
}

/// <param name="Id">Made by the node, unique.</param>
/// <param name="Agent">Whom it is for.</param>
/// <param name="AcceptedAt">By the node's clock.</param>
/// <param name="Head">JSON object with method, path, query and headers, as <see cref="WebhookParts.Head"/>. Opaque to the store.</param>
/// <param name="Body">The exact bytes. Nobody changes them or the head any more: a store may look at them even after it was given up.</param>
/// <param name="IdempotencyKey">The sender's key, hashed to 16 bytes; null when it gave none.</param>
internal sealed record NewEvent(
    EventId Id, RelayId Agent, DateTimeOffset AcceptedAt, ReadOnlyMemory<byte> Head, ReadOnlyMemory<byte> Body, byte[]? IdempotencyKey)
{
    /// <summary>What it counts for in the agent's quota.</summary>
    public long SizeBytes => Head.Length + Body.Length;

    /// <summary>16 bytes; events with the same are handed out one at a time, in order. Null: with nothing to wait for.</summary>
    public byte[]? OrderingKey { get; init; }

    /// <summary>Until when its sender waits, on the node that accepts it; null: nobody does.</summary>
    public DateTimeOffset? ReplyBy { get; init; }
}

/// <param name="IdempotencyWindow">For how long a key makes later events duplicates of the first.</param>
/// <param name="MaxQueuedEvents">Events of the agent that may be unsettled, this one included.</param>
/// <param name="MaxQueuedBytes">Their <see cref="NewEvent.SizeBytes"/> together.</param>
/// <param name="Lease">The session on this node that has room for it, if there is one.</param>
internal readonly record struct AcceptTerms(TimeSpan IdempotencyWindow, long MaxQueuedEvents, long MaxQueuedBytes, Lease? Lease);

internal readonly record struct Lease(SessionId Session, DateTimeOffset Until)
{
    /// <summary>How many events the session takes now, this one included, if it shares the agent.</summary>
    public int? Room { get; init; }
}

internal enum AcceptStatus
{
    /// <summary>Stored; it is ready, or held, and will be handed out in its turn.</summary>
    Ready,

    /// <summary>Stored and leased to the session of the terms, attempt 1: push it.</summary>
    Leased,

    /// <summary>Not stored: the key was used within the window, by the event that the result names.</summary>
    Duplicate,

    /// <summary>Not stored: the agent's quota is full.</summary>
    QueueFull,
}

/// <param name="Status">What became of it.</param>
/// <param name="Id">Its own, or that of the event it duplicates.</param>
/// <param name="IsConnected">Whether the store saw that a node has a connection of the agent. False says nothing of this node's own.</param>
internal readonly record struct AcceptResult(AcceptStatus Status, EventId Id, bool IsConnected = false)
{
    /// <summary>Where the store has the event, if it is leased and that makes its ack cheaper (<see cref="Settlement.Place"/>). Opaque.</summary>
    public object? Place { get; init; }
}

/// <param name="Session">One that holds the claim, or that needs none (<see cref="SessionId.NeedsClaim"/>).</param>
/// <param name="MaxEvents">0: hands out nothing, and only says how it stands.</param>
/// <param name="MaxBytes">The batch ends with the event that reaches this; at least one is handed out.</param>
/// <param name="Now">What is due by then.</param>
/// <param name="Until">The leases' deadline.</param>
internal readonly record struct LeaseRequest(SessionId Session, int MaxEvents, long MaxBytes, DateTimeOffset Now, DateTimeOffset Until)
{
    /// <summary>How many events the session takes now, if it shares the agent; null: it shares it no more, or not in turn.</summary>
    public int? Room { get; init; }

    /// <summary>
    /// For more than so many no events are taken apart that the store keeps as one: where these are too many for what is left of <see cref="MaxEvents"/>,
    /// fewer are handed out, and more is due. Null: it is as many as <see cref="MaxEvents"/>.
    /// </summary>
    public int? Enough { get; init; }
}

/// <param name="Events">In the order in which to push them.</param>
/// <param name="More">Whether more is due now: also when nothing was handed out, because very much was asked for at the same time.</param>
/// <param name="NextDue">When the next one comes due, if nothing is due now: the earliest waiting event or lease deadline. Leases of the asking session count too.</param>
/// <param name="Superseded">Another session holds the claim; nothing was handed out.</param>
internal sealed record LeaseResult(IReadOnlyList<LeasedEvent> Events, bool More, DateTimeOffset? NextDue, bool Superseded)
{
    public static readonly LeaseResult Nothing = new([], More: false, NextDue: null, Superseded: false);

    public static readonly LeaseResult NotYours = new([], More: false, NextDue: null, Superseded: true);
}

/// <param name="Id">The event.</param>
/// <param name="AcceptedAt">When it was accepted.</param>
/// <param name="Head">As accepted.</param>
/// <param name="Body">As accepted, byte for byte.</param>
/// <param name="Attempt">Number of this handing-out, from 1.</param>
/// <param name="Failures">Earlier attempts that count against the limit.</param>
/// <param name="LossCounted">Whether a lost connection is among them: it counts once.</param>
internal sealed record LeasedEvent(
    EventId Id, DateTimeOffset AcceptedAt, ReadOnlyMemory<byte> Head, ReadOnlyMemory<byte> Body, int Attempt, int Failures, bool LossCounted)
{
    /// <summary>Until when its sender waits, as accepted: it may be over.</summary>
    public DateTimeOffset? ReplyBy { get; init; }

    /// <summary>As <see cref="AcceptResult.Place"/>.</summary>
    public object? Place { get; init; }

    /// <summary>Ends its lease, with its failures as they are.</summary>
    public Settlement End(SettlementKind kind, SessionId session, AttemptOutcome outcome, DateTimeOffset due) =>
        new(Id, kind, session, outcome) { Attempt = Attempt, DueAt = due, Failures = Failures, LossCounted = LossCounted };

    /// <summary>What its frame is made of.</summary>
    /// <param name="now">The time of this attempt.</param>
    /// <param name="canReply">Whether the agent can answer the sender the way it is handed the event.</param>
    public WebhookParts ToParts(DateTimeOffset now, bool canReply = false) => new()
    {
        Id = Id,
        TimestampMs = now.ToUnixTimeMilliseconds(),
        Attempt = Attempt,
        ReceivedAtMs = AcceptedAt.ToUnixTimeMilliseconds(),
        Head = Head.Span,
        Body = Body.Span,
        ReplyByMs = canReply && ReplyBy > now ? ReplyBy.Value.ToUnixTimeMilliseconds() : null,
    };
}

/// <param name="Unsettled">How many events are not settled.</param>
/// <param name="Gaps">What was given up that the agent has not been told of.</param>
internal sealed record ClaimResult(long Unsettled, IReadOnlyList<Gap> Gaps);

/// <param name="Expired">What was given up now; as many as the limit: ask again.</param>
/// <param name="OldestLeft">The event that sorts first of those not settled; null when there is none.</param>
internal sealed record ExpireResult(IReadOnlyList<EventId> Expired, EventId? OldestLeft)
{
    public static readonly ExpireResult Nothing = new([], OldestLeft: null);
}

internal enum SettlementKind : byte
{
    /// <summary>Done. Counts from any session and in any state but delivered, however late.</summary>
    Ack,

    /// <summary>Hand it out again from <see cref="Settlement.DueAt"/> on. Counts only from the session that holds the lease.</summary>
    Retry,

    /// <summary>Give it up. Counts only from the session that holds the lease.</summary>
    DeadLetter,

    /// <summary>Give it up because its retention is over. Counts only from the session that holds the lease.</summary>
    Expire,
}

/// <param name="Id">The event.</param>
/// <param name="Kind">What becomes of it.</param>
/// <param name="Session">Who says so.</param>
/// <param name="Outcome">How the attempt ended, for its history.</param>
internal sealed record Settlement(EventId Id, SettlementKind Kind, SessionId Session, AttemptOutcome Outcome)
{
    private const int MaxReasonLength = 500;

    /// <summary>Why, for its history; of a longer one the first 500 characters.</summary>
    public string? Reason { get; init => field = value?.Length > MaxReasonLength ? Beginning(value) : value; }

    /// <summary>What the agent answers the sender, if that waits; for what <see cref="AnswersSender"/>.</summary>
    public AgentReply? Reply { get; init; }

    /// <summary>Whether the agent acknowledges it: the relay's own acks only take an event out.</summary>
    public bool AnswersSender => Kind == SettlementKind.Ack && Outcome == AttemptOutcome.Acked;

    /// <summary>
    /// Which handing-out it ends, by its number: nothing is done where the session holds that of another. 0: whichever the session holds.
    /// For all kinds but <see cref="SettlementKind.Ack"/>.
    /// </summary>
    public int Attempt { get; init; }

    /// <summary>For an ack: where the store said that the event is; null: it looks for it. Wherever it is by now, the result is the same.</summary>
    public object? Place { get; init; }

    /// <summary>For <see cref="SettlementKind.Retry"/>.</summary>
    public DateTimeOffset DueAt { get; init; }

    /// <summary>The event's failures from now on; for all kinds but <see cref="SettlementKind.Ack"/>.</summary>
    public int Failures { get; init; }

    /// <summary>Whether a loss is among them; for all kinds but <see cref="SettlementKind.Ack"/>.</summary>
    public bool LossCounted { get; init; }

    /// <summary>Whether the same is to be done with another event.</summary>
    public bool IsAlike(Settlement other) =>
        (Kind, Session, Outcome, Attempt, DueAt, Failures, LossCounted)
            == (other.Kind, other.Session, other.Outcome, other.Attempt, other.DueAt, other.Failures, other.LossCounted)
        && Reason == other.Reason && Reply is null && other.Reply is null;

    /// <summary>Never half a surrogate pair, which could not be stored.</summary>
    private static string Beginning(string reason) =>
        reason[..(char.IsHighSurrogate(reason[MaxReasonLength - 1]) ? MaxReasonLength - 1 : MaxReasonLength)];
}

internal enum SettleResult
{
    Settled,

    /// <summary>It was delivered before: nothing changed.</summary>
    AlreadyDelivered,

    /// <summary>The session does not hold its lease, or that of another attempt: nothing changed.</summary>
    NotHeld,

    /// <summary>No event of this agent has the id.</summary>
    Unknown,
}

/// <summary>How an attempt ended. The names are kept in histories (snake_case): none is renamed.</summary>
[JsonConverter(typeof(OutcomeConverter))]
internal enum AttemptOutcome : byte
{
    Acked,
    Nacked,
    TimedOut,
    ConnectionLost,
    Released,
    LeaseExpired,
    Expired,
}

internal enum EventState
{
    Ready,
    Leased,
    Waiting,
    Held,
    Delivered,
    Dead,
    Expired,
}

/// <summary>An event as it stands.</summary>
/// <param name="Attempts">The ended attempts, the first 100 of them, oldest first.</param>
internal sealed record StoredEvent(
    EventId Id, RelayId Agent, EventState State, DateTimeOffset AcceptedAt, ReadOnlyMemory<byte> Head, ReadOnlyMemory<byte> Body,
    int AttemptCount, int Failures, DateTimeOffset? DueAt, IReadOnlyList<AttemptRecord> Attempts)
{
    /// <summary>Whether a lost connection is among its failures.</summary>
    public bool LossCounted { get; init; }
}

/// <param name="Number">From 1.</param>
/// <param name="At">Unix ms at which it was handed out.</param>
/// <param name="Via">How: <c>websocket</c>, <c>poll</c> or <c>http</c>.</param>
/// <param name="SessionId">To whom.</param>
/// <param name="Outcome">How it ended.</param>
/// <param name="Reason">Why.</param>
/// <param name="DurationMs">From the handing-out to the end.</param>
internal sealed record AttemptRecord(
    int Number, long At, string Via, string SessionId, AttemptOutcome Outcome, string? Reason, long DurationMs);

/// <summary>What subscribers are told.</summary>
/// <param name="ClaimedBy">The session that claimed the agent; null: an event became ready.</param>
/// <param name="AgentChanged">The agent itself is not what it was, or may not be: signals were missed.</param>
/// <param name="TurnOf">Whose turn the ready event is; null: anybody's.</param>
internal readonly record struct QueueSignal(SessionId? ClaimedBy, bool AgentChanged = false, SessionId? TurnOf = null);
