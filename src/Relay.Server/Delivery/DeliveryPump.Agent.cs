namespace Relay.Server.Delivery;

/// <content>What the agent says of its events.</content>
internal sealed partial class DeliveryPump
{
    /// <summary>The agent acknowledged: counts for any event of its own, however late.</summary>
    public void Ack(string id) => Ack(id, reply: null);

    /// <summary>The agent acknowledges, and answers the sender if it waits.</summary>
    public void Reply(string id, AgentReply reply) => Ack(id, reply);

    /// <summary>The agent gives an event back.</summary>
    public void Nack(string id, string? reason, TimeSpan? retryAfter, bool deadLetter)
    {
        lock (_gate)
        {
            if (EventId.TryParse(id, out var eventId) && TakeBack(eventId, out var inFlight))
            {
                Fail(End(eventId, inFlight with { Failures = inFlight.Failures + 1 }, AttemptOutcome.Nacked) with
                {
                    Kind = deadLetter ? SettlementKind.DeadLetter : SettlementKind.Retry,
                    Reason = reason,
                }, "All attempts failed.", retryAfter);
                Fetch();
                return;
            }
        }

        _sink.UnknownEvent(id);
    }

    /// <summary>The agent still works on it: the ack timeout starts anew.</summary>
    public void Extend(string id)
    {
        lock (_gate)
        {
            if (EventId.TryParse(id, out var eventId) && _inFlight.TryFind(eventId, out var inFlight))
            {
                var deadline = _time.GetUtcNow() + _policy.AckTimeout;
                Hold(eventId, inFlight with { Deadline = deadline.UtcDateTime });
                _settlements.AddExtension(eventId, _session, deadline + LeaseMargin);
                return;
            }
        }

        _sink.UnknownEvent(id);
    }

    private void Ack(string id, AgentReply? reply)
    {
        if (!Probe.TryParseId(id, out var eventId))
        {
            _sink.UnknownEvent(id);
            return;
        }

        lock (_gate)
        {
            // What is not in flight here may be on another connection, with a sender that waits.
            var answers = !TakeBack(eventId, out var inFlight) || inFlight.SenderWaits;
            _settlements.Add(new Settlement(eventId, SettlementKind.Ack, _session, AttemptOutcome.Acked) { Reply = answers ? reply : null, Place = inFlight.Place });
            Fetch();
        }
    }
}
