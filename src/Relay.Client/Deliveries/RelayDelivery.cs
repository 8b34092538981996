using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Relay.Protocol;

namespace Relay.Client;

/// <summary>
/// One handing-out of an event, with its signature checked. Settle it once, from any thread: the first of <see cref="AckAsync"/>,
/// <see cref="ReplyAsync"/> and <see cref="NackAsync"/> counts, later ones do nothing. What was handed out again before it was settled
/// is settled with either.
/// </summary>
public sealed class RelayDelivery
{
    /// <summary>Characters of a reason that the server keeps. With an endless one the frame would be too large and end the connection.</summary>
    private const int MaxReason = 500;

    private readonly IDeliveryOwner _owner;
    private readonly WebhookMessage _message;

    internal RelayDelivery(WebhookMessage message, IDeliveryOwner owner)
    {
        _message = message;
        _owner = owner;
    }

    /// <summary>The event's id, the same on every attempt.</summary>
    public string Id => _message.Id;

    /// <summary>1 for the first handing-out.</summary>
    public int Attempt => _message.Attempt;

    /// <summary>When the relay accepted the event.</summary>
    public DateTimeOffset ReceivedAt => WireTime.ToTime(_message.ReceivedAt);

    /// <summary>When the relay signed this attempt.</summary>
    public DateTimeOffset SignedAt => WireTime.ToTime(_message.Timestamp);

    /// <summary>Until when the sender waits for an answer, by the relay's clock; null when nobody waits.</summary>
    public DateTimeOffset? ReplyBy => _message.ReplyBy is { } until ? WireTime.ToTime(until) : null;

    /// <summary>The event that this one repeats, if somebody had it replayed.</summary>
    public string? ReplayOf => _message.ReplayOf;

    /// <summary>The sender's method.</summary>
    public string Method => _message.Method;

    /// <summary>What followed the relay id in the sender's URL, percent-encoded as it came; <c>/</c> if nothing did.</summary>
    public string Path => _message.Path;

    /// <summary>The query as it came, without its question mark.</summary>
    public string Query => _message.Query;

    /// <summary>The sender's headers; names are found in any case.</summary>
    public IReadOnlyDictionary<string, string> Headers => _message.Headers;

    /// <summary>The sender's <c>Content-Type</c>, if it gave one.</summary>
    public string? ContentType => Headers.GetValueOrDefault("content-type");

    /// <summary>The body as the sender sent it, byte for byte.</summary>
    public ReadOnlyMemory<byte> Body => _message.ExactBody;

    /// <summary>The provider whose own signature the relay checked, if the agent has one configured.</summary>
    public SourceInfo? Source => _message.Source;

    /// <summary>
    /// The <c>webhook-signature</c> of Standard Webhooks over <see cref="Id"/>, <see cref="SignedAt"/> in seconds and <see cref="Body"/>, for
    /// passing the event on to who checks it again.
    /// </summary>
    public string? StandardSignature => _message.StandardSignature;

    /// <summary>The body read as UTF-8.</summary>
    public string Text => Encoding.UTF8.GetString(Body.Span);

    /// <summary>Whether it was acknowledged or given back, or the client stopped before it was.</summary>
    public bool IsSettled => _owner.IsSettled(this);

    /// <summary>Where it stands here; the owner's, under its lock.</summary>
    internal DeliveryState State { get; set; }

    /// <summary>The later handing-out of the same event that stands for this one too; the owner's, under its lock.</summary>
    internal RelayDelivery? Successor { get; set; }

    /// <summary>The last attempt that came over the connection there is, 0 for none; the owner's, under its lock.</summary>
    internal int LastAttempt { get; set; }

    /// <summary>Reads the body as JSON, without reflection.</summary>
    /// <exception cref="JsonException">The body is not JSON of this shape.</exception>
    public T? ReadJson<T>(JsonTypeInfo<T> type) => JsonSerializer.Deserialize(Body.Span, type);

    /// <summary>Reads the body as JSON of any shape. The caller disposes the document.</summary>
    /// <exception cref="JsonException">The body is not JSON.</exception>
    public JsonDocument ParseJson() => JsonDocument.Parse(Body);

    /// <summary>
    /// Takes the event out of the queue. Completes at once: the ack leaves with the next write, together with others that are ready, or
    /// is kept for the next connection. The protocol does not confirm acks; should this one get lost on the way, the event comes
    /// again and is acknowledged again without being shown again. One that was polled is acknowledged when this completes.
    /// </summary>
    /// <exception cref="RelayException">Only for what was polled: the relay could not be told, so this may be tried again.</exception>
    public ValueTask AckAsync() => _owner.AckAsync(this, reply: null);

    /// <summary>
    /// Acknowledges, as <see cref="AckAsync"/> does, and answers the sender if it waits (<see cref="ReplyBy"/>). If the connection is lost
    /// meanwhile, the answer is sent again on the next one. Over a poll nobody can be answered: it acknowledges.
    /// </summary>
    /// <exception cref="RelayException">Only for what was polled: the relay could not be told, so this may be tried again.</exception>
    public ValueTask ReplyAsync(RelayReply reply)
    {
        ArgumentNullException.ThrowIfNull(reply);
        return _owner.AckAsync(this, reply);
    }

    /// <summary>Gives the event back, as <see cref="AckAsync"/> acknowledges it.</summary>
    /// <param name="delay">When it is to come again; by the server's retry schedule if not given.</param>
    /// <param name="reason">Kept in the event's history, where the operator reads it; cut after 500 characters.</param>
    /// <param name="deadLetter">Do not try again: put it to the dead letters.</param>
    /// <exception cref="RelayException">Only for what was polled: the relay could not be told, so this may be tried again.</exception>
    public ValueTask NackAsync(TimeSpan? delay = null, string? reason = null, bool deadLetter = false)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(delay ?? TimeSpan.Zero, TimeSpan.Zero, nameof(delay));
        return _owner.NackAsync(this, delay, Cut(reason), deadLetter);
    }

    /// <summary>
    /// Says that the work goes on: the ack timeout starts anew. Completes at once; does nothing once settled or while disconnected.
    /// A handler under <c>RunAsync</c> need not call it.
    /// </summary>
    /// <exception cref="NotSupportedException">It was polled: its lease lasts one ack timeout.</exception>
    public ValueTask ExtendAsync() => _owner.ExtendAsync(this);

    /// <summary>The id and the attempt, without the content.</summary>
    public override string ToString() => $"{Id} (attempt {Attempt})";

    /// <summary>Not between the two halves of one character.</summary>
    private static string? Cut(string? reason) =>
        reason is not { Length: > MaxReason } ? reason
        : char.IsHighSurrogate(reason[MaxReason - 1]) ? reason[..(MaxReason - 1)]
        : reason[..MaxReason];
}

/// <summary>Where a delivery stands in this process.</summary>
internal enum DeliveryState
{
    /// <summary>Waits for the consumer.</summary>
    Queued,

    /// <summary>The consumer has it.</summary>
    Held,

    /// <summary>The consumer has an earlier handing-out of the event, and this one waits for it.</summary>
    HeldAndQueued,

    /// <summary>Acknowledged, given back, or let go with its connection.</summary>
    Settled,
}
