using Relay.Protocol;

namespace Relay.Client;

/// <summary>
/// What this process has of the server's and owes to it: open deliveries, the last acknowledged ids, and what was not yet sent. It
/// outlives connections. Any thread; one lock, never held over an await.
/// </summary>
internal sealed class DeliveryLedger : IDeliveryOwner
{
    /// <summary>Acknowledged ids that are remembered, and acks that are kept while there is no connection.</summary>
    internal const int Memory = 4096;

    /// <summary>Bytes of replies that are kept, to be sent and to be sent again.</summary>
    internal const int ReplyMemoryBytes = 16 << 20;

    private readonly WorkSignal _work;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, RelayDelivery> _open = new(StringComparer.Ordinal);
    private readonly RecentIds _acked = new(Memory);
    private readonly RecentReplies _replies = new(ReplyMemoryBytes);
    private readonly Outbox _outbox;
    private readonly List<TaskCompletionSource> _drainWaiters = [];
    private int _held;
    private bool _connected;
    private bool _sending;
    private bool _closed;

    public DeliveryLedger(WorkSignal work, TimeProvider time)
    {
        _work = work;
        _time = time;
        _outbox = new Outbox(Memory, _replies);
    }

    /// <summary>
    /// Whether a delivery is to be shown. Not when this process has it, acknowledged it before (it is acknowledged or answered again), or
    /// is about to give it back.
    /// </summary>
    /// <param name="delivery">Not seen before.</param>
    /// <param name="showHeldAgain">Nobody extends what the consumer has: it is shown again when its lease ended meanwhile.</param>
    public bool TryOpen(RelayDelivery delivery, bool showHeldAgain)
    {
        lock (_lock)
        {
            if (_acked.Contains(delivery.Id))
            {
                if (delivery.ReplyBy is null)
                {
                    _replies.Forget(delivery.Id);
                }

                _outbox.AddAck(delivery.Id);
                _work.Set();
                return false;
            }

            if (_outbox.HasNack(delivery.Id) || (_open.TryGetValue(delivery.Id, out var earlier) && !TrySucceed(earlier, delivery, showHeldAgain)))
            {
                return false;
            }

            delivery.LastAttempt = delivery.Attempt;
            _open[delivery.Id] = delivery;
            return true;
        }
    }

    /// <summary>Gives a delivery that nobody may see back, unless an earlier, good one of the same event is here.</summary>
    public void Reject(string id, string reason)
    {
        lock (_lock)
        {
            if (!_open.ContainsKey(id) && !_acked.Contains(id))
            {
                _outbox.AddNack(new NackMessage { Id = id, Reason = reason });
                _work.Set();
            }
        }
    }

    /// <summary>The consumer takes it; false when it was let go meanwhile.</summary>
    public bool TryHold(RelayDelivery delivery)
    {
        lock (_lock)
        {
            if (delivery.State is not (DeliveryState.Queued or DeliveryState.HeldAndQueued))
            {
                return false;
            }

            _held += delivery.State == DeliveryState.Queued ? 1 : 0;
            delivery.State = DeliveryState.Held;
            return true;
        }
    }

    public bool IsSettled(RelayDelivery delivery)
    {
        lock (_lock)
        {
            return Last(delivery).State == DeliveryState.Settled;
        }
    }

    /// <param name="delivery">Counts if it was not settled before.</param>
    /// <param name="reply">What the sender is answered; not kept if nobody waits.</param>
    public void Ack(RelayDelivery delivery, RelayReply? reply = null)
    {
        lock (_lock)
        {
            if (TrySettle(delivery))
            {
                if (reply is not null && Last(delivery).ReplyBy is not null)
                {
                    _replies.Add(reply.ToMessage(delivery.Id));
                }

                _acked.Add(delivery.Id);
                _outbox.AddAck(delivery.Id);
                _work.Set();
                ReportDrained();
            }
        }
    }

    public void Nack(RelayDelivery delivery, TimeSpan? delay, string? reason, bool deadLetter)
    {
        lock (_lock)
        {
            if (TrySettle(delivery))
            {
                _outbox.AddNack(new NackMessage
                {
                    Id = delivery.Id,
                    Reason = reason,
                    RetryAfterMs = (long?)delay?.TotalMilliseconds,
                    DeadLetter = deadLetter ? true : null,
                });
                _work.Set();
                ReportDrained();
            }
        }
    }

    /// <summary>The server could not use a reply: its event must be acknowledged all the same.</summary>
    public void ReplyRefused(string id)
    {
        lock (_lock)
        {
            if (_replies.Forget(id))
            {
                _outbox.AddAck(id);
                _work.Set();
            }
        }
    }

    /// <summary>A frame was too large for the server: no reply is to be sent again.</summary>
    public void ForgetReplies()
    {
        lock (_lock)
        {
            _replies.Clear();
        }
    }

    public void AnswerProbe(string id)
    {
        lock (_lock)
        {
            _outbox.AddAck(id);
            _work.Set();
        }
    }

    public void Extend(RelayDelivery delivery)
    {
        lock (_lock)
        {
            if (Last(delivery).State != DeliveryState.Settled)
            {
                ExtendLease(delivery);
            }
        }
    }

    /// <summary>Extends what waits for the consumer, what it has, or both.</summary>
    public void ExtendOpen(bool waiting, bool held)
    {
        lock (_lock)
        {
            foreach (var delivery in _open.Values)
            {
                if ((waiting && delivery.State != DeliveryState.Held) || (held && delivery.State != DeliveryState.Queued))
                {
                    ExtendLease(delivery);
                }
            }
        }
    }

    /// <summary>
    /// Forgets a delivery and says nothing: the server has it back when its connection ends, and delivers it again. A nack would count
    /// as a failed attempt; a connection that ends counts once for an event, however often. What the consumer has from before stays its.
    /// </summary>
    public void LetGo(RelayDelivery delivery)
    {
        lock (_lock)
        {
            if (delivery.State == DeliveryState.HeldAndQueued)
            {
                delivery.State = DeliveryState.Held;
            }
            else if (TrySettle(delivery))
            {
                ReportDrained();
            }
        }
    }

    /// <summary>Lets go of all that is open: the connection is about to end for good.</summary>
    public void LetGoAll()
    {
        lock (_lock)
        {
            foreach (var delivery in _open.Values.ToArray())
            {
                TrySettle(delivery);
            }

            ReportDrained();
        }
    }

    public Outgoing TakeUnsent()
    {
        lock (_lock)
        {
            var outgoing = _outbox.Take(_time.GetUtcNow().ToUnixTimeMilliseconds());
            _sending = outgoing.Messages.Count > 0;
            return outgoing;
        }
    }

    public void Sent()
    {
        lock (_lock)
        {
            _sending = false;
            ReportDrained();
        }
    }

    public void NotSent(Outgoing outgoing)
    {
        lock (_lock)
        {
            _sending = false;
            _outbox.PutBack(outgoing);
        }
    }

    public void Connected()
    {
        lock (_lock)
        {
            _connected = true;
        }
    }

    public void Disconnected()
    {
        lock (_lock)
        {
            _connected = false;
            _outbox.ForgetExtends();
            foreach (var delivery in _open.Values)
            {
                delivery.LastAttempt = 0;
            }
        }
    }

    /// <summary>There will be no further connection: what was not sent will never be.</summary>
    public void Close()
    {
        lock (_lock)
        {
            _closed = true;
            ReportDrained();
        }
    }

    /// <summary>Completes when the consumer has settled all that it took, and the server was told.</summary>
    public Task WhenDrainedAsync()
    {
        lock (_lock)
        {
            var waiter = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _drainWaiters.Add(waiter);
            ReportDrained();
            return waiter.Task;
        }
    }

    /// <summary>Without a connection there is no lease to extend.</summary>
    private void ExtendLease(RelayDelivery delivery)
    {
        if (_connected)
        {
            _outbox.AddExtend(delivery.Id);
            _work.Set();
        }
    }

    ValueTask IDeliveryOwner.AckAsync(RelayDelivery delivery, RelayReply? reply)
    {
        Ack(delivery, reply);
        return ValueTask.CompletedTask;
    }

    ValueTask IDeliveryOwner.NackAsync(RelayDelivery delivery, TimeSpan? delay, string? reason, bool deadLetter)
    {
        Nack(delivery, delay, reason, deadLetter);
        return ValueTask.CompletedTask;
    }

    ValueTask IDeliveryOwner.ExtendAsync(RelayDelivery delivery)
    {
        Extend(delivery);
        return ValueTask.CompletedTask;
    }

    /// <summary>
    /// Shows again what the consumer has had for longer than its lease, for it may have lost it. Not the first time that it comes over a
    /// connection: then it was not its lease that ended.
    /// </summary>
    private static bool TrySucceed(RelayDelivery earlier, RelayDelivery delivery, bool showHeldAgain)
    {
        var leaseEnded = earlier.LastAttempt > 0 && delivery.Attempt > earlier.LastAttempt;
        earlier.LastAttempt = delivery.Attempt;
        if (!showHeldAgain || !leaseEnded || earlier.State != DeliveryState.Held)
        {
            return false;
        }

        earlier.Successor = delivery;
        delivery.State = DeliveryState.HeldAndQueued;
        return true;
    }

    /// <summary>The one of all handings-out that came before it was settled by which it is settled.</summary>
    private static RelayDelivery Last(RelayDelivery delivery)
    {
        while (delivery.Successor is { } later)
        {
            delivery = later;
        }

        return delivery;
    }

    private bool TrySettle(RelayDelivery delivery)
    {
        delivery = Last(delivery);
        if (delivery.State == DeliveryState.Settled)
        {
            return false;
        }

        _held -= delivery.State == DeliveryState.Queued ? 0 : 1;
        delivery.State = DeliveryState.Settled;
        _open.Remove(delivery.Id);
        _outbox.RemoveExtend(delivery.Id);
        return true;
    }

    private void ReportDrained()
    {
        if (_held == 0 && (_closed || (_outbox.IsEmpty && !_sending)))
        {
            _drainWaiters.ForEach(waiter => waiter.TrySetResult());
            _drainWaiters.Clear();
        }
    }
}
