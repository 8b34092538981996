using Relay.Protocol;

namespace Relay.Client;

/// <summary>
/// What this process has of the server's and owes to it: open deliveries, the last acknowledged ids, and what was not yet sent. It
/// outlives connections. Any thread; one lock, never held over an await.
/// </summary>
internal sealed class DeliveryLedger(WorkSignal work, TimeProvider time)
{
    /// <summary>Acknowledged ids that are remembered, and acks that are kept while there is no connection.</summary>
    internal const int Memory = 4096;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, RelayDelivery> _open = new(StringComparer.Ordinal);
    private readonly RecentIds _acked = new(Memory);
    private readonly Outbox _outbox = new(Memory);
    private readonly List<TaskCompletionSource> _drainWaiters = [];
    private int _held;
    private bool _connected;
    private bool _sending;
    private bool _closed;

    /// <summary>
    /// Whether a delivery is to be shown. Not when this process has it, acknowledged it before (it is acknowledged again), or is about
    /// to give it back.
    /// </summary>
    public bool TryOpen(RelayDelivery delivery)
    {
        lock (_lock)
        {
            if (_acked.Contains(delivery.Id))
            {
                _outbox.AddAck(delivery.Id);
                work.Set();
                return false;
            }

            return !_outbox.HasNack(delivery.Id) && _open.TryAdd(delivery.Id, delivery);
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
                work.Set();
            }
        }
    }

    /// <summary>The consumer takes it; false when it was let go meanwhile.</summary>
    public bool TryHold(RelayDelivery delivery)
    {
        lock (_lock)
        {
            if (delivery.State != DeliveryState.Queued)
            {
                return false;
            }

            delivery.State = DeliveryState.Held;
            _held++;
            return true;
        }
    }

    public bool IsSettled(RelayDelivery delivery)
    {
        lock (_lock)
        {
            return delivery.State == DeliveryState.Settled;
        }
    }

    public void Ack(RelayDelivery delivery)
    {
        lock (_lock)
        {
            if (TrySettle(delivery))
            {
                _acked.Add(delivery.Id);
                _outbox.AddAck(delivery.Id);
                work.Set();
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
                work.Set();
                ReportDrained();
            }
        }
    }

    public void Extend(RelayDelivery delivery)
    {
        lock (_lock)
        {
            if (delivery.State != DeliveryState.Settled)
            {
                ExtendLease(delivery);
            }
        }
    }

    /// <summary>Extends all that waits for the consumer and, if asked, all that it has.</summary>
    public void ExtendOpen(bool heldToo)
    {
        lock (_lock)
        {
            foreach (var delivery in _open.Values)
            {
                if (heldToo || delivery.State == DeliveryState.Queued)
                {
                    ExtendLease(delivery);
                }
            }
        }
    }

    /// <summary>
    /// Forgets a delivery and says nothing: the server has it back when its connection ends, and delivers it again. A nack would count
    /// as a failed attempt; a connection that ends counts once for an event, however often.
    /// </summary>
    public void LetGo(RelayDelivery delivery)
    {
        lock (_lock)
        {
            if (TrySettle(delivery))
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
            var outgoing = _outbox.Take(time.GetUtcNow().ToUnixTimeMilliseconds());
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
            work.Set();
        }
    }

    private bool TrySettle(RelayDelivery delivery)
    {
        if (delivery.State == DeliveryState.Settled)
        {
            return false;
        }

        _held -= delivery.State == DeliveryState.Held ? 1 : 0;
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
