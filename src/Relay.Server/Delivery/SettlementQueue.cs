using Relay.Protocol;
using Relay.Server.Storage;

namespace Relay.Server.Delivery;

/// <summary>
/// What became of one connection's events, on its way to the store. One call at a time: what arrives while it runs goes into the
/// next, so acks are stored in batches without a timer. While the store is down they are kept and tried again.
/// <para>Add, AddExtension: any thread, never wait. EndAsync: once; waits until all is stored or the patience is over.</para>
/// </summary>
internal sealed partial class SettlementQueue(RelayId agent, DeliveryPumpServices services, ISettlementOwner owner)
{
    private const int MaxBatch = 1024;

    /// <summary>Beyond this the oldest is forgotten: its event is delivered again, which at-least-once allows.</summary>
    private const int MaxKept = 16 * MaxBatch;

    /// <summary>Beyond this a reply is forgotten and only its ack kept: a store that is down must not fill the memory.</summary>
    private const long MaxReplyBytes = 8 << 20;

    private static readonly TimeSpan RetryInterval = TimeSpan.FromMilliseconds(500);

    private readonly Lock _gate = new();
    private Queue<Settlement> _settlements = new();
    private Dictionary<EventId, (SessionId Session, DateTimeOffset Until)>? _extensions;
    private bool _running;
    private long _dropped;
    private long _replyBytes;
    private Task _run = Task.CompletedTask;
    private DateTimeOffset _giveUpAt = DateTimeOffset.MaxValue;

    public void Add(Settlement settlement)
    {
        lock (_gate)
        {
            if (_settlements.Count >= MaxKept)
            {
                _replyBytes -= ReplyBytes(_settlements.Dequeue());
                if (_dropped++ % MaxKept == 0)
                {
                    Overflowed(services.Logger, agent, MaxKept);
                }
            }

            settlement = _replyBytes + ReplyBytes(settlement) <= MaxReplyBytes ? settlement : settlement with { Reply = null };
            _replyBytes += ReplyBytes(settlement);
            _settlements.Enqueue(settlement);
            Run();
        }
    }

    public void AddExtension(EventId id, SessionId session, DateTimeOffset until)
    {
        lock (_gate)
        {
            (_extensions ??= [])[id] = (session, until);
            Run();
        }
    }

    /// <param name="patience">For how long to try.</param>
    public async Task EndAsync(TimeSpan patience)
    {
        Task run;
        lock (_gate)
        {
            _giveUpAt = services.Time.GetUtcNow() + patience;
            run = _run;
        }

        await run;
    }

    /// <summary>Under the lock.</summary>
    private void Run()
    {
        if (!_running)
        {
            _running = true;
            _run = Task.Run(RunAsync);
        }
    }

    private async Task RunAsync()
    {
        var failedBefore = false;
        while (Take() is var (settlements, extensions))
        {
            try
            {
                await StoreAsync(settlements, extensions);
                failedBefore = false;
            }
            catch (Exception exception)
            {
                if (!failedBefore)
                {
                    NotStored(services.Logger, agent, settlements.Count, exception is StoreUnavailableException ? exception.Message : exception.ToString());
                }

                failedBefore = true;
                if (!PutBack(settlements, extensions))
                {
                    Forgotten(services.Logger, agent, settlements.Count);
                    continue;
                }

                await Task.Delay(RetryInterval, services.Time);
            }
        }
    }

    private async Task StoreAsync(List<Settlement> settlements, Dictionary<EventId, (SessionId Session, DateTimeOffset Until)>? extensions)
    {
        foreach (var group in extensions?.GroupBy(static item => item.Value, static item => item.Key) ?? [])
        {
            await services.Queue.ExtendAsync(agent, group.Key.Session, [.. group], group.Key.Until);
        }

        if (settlements.Count == 0)
        {
            return;
        }

        var results = await services.Queue.SettleAsync(agent, settlements, services.Time.GetUtcNow());
        for (var i = 0; i < settlements.Count; i++)
        {
            var settlement = settlements[i];
            if (results[i] == SettleResult.Unknown)
            {
                owner.UnknownEvent(settlement.Id.ToString());
            }
            else if (settlement.Kind == SettlementKind.Retry)
            {
                owner.RetryStored(settlement.DueAt);
            }
        }
    }

    private (List<Settlement> Settlements, Dictionary<EventId, (SessionId, DateTimeOffset)>? Extensions)? Take()
    {
        lock (_gate)
        {
            if (_settlements.Count == 0 && _extensions is null)
            {
                (_running, _run) = (false, Task.CompletedTask);
                return null;
            }

            List<Settlement> batch = new(Math.Min(_settlements.Count, MaxBatch));
            while (batch.Count < MaxBatch && _settlements.TryDequeue(out var settlement))
            {
                _replyBytes -= ReplyBytes(settlement);
                batch.Add(settlement);
            }

            var extensions = _extensions;
            _extensions = null;
            return (batch, extensions);
        }
    }

    /// <summary>Puts what was not stored before what came since; false when it is time to give up.</summary>
    private bool PutBack(List<Settlement> settlements, Dictionary<EventId, (SessionId Session, DateTimeOffset Until)>? extensions)
    {
        lock (_gate)
        {
            var now = services.Time.GetUtcNow();
            if (now >= _giveUpAt)
            {
                return false;
            }

            _replyBytes += settlements.Sum(ReplyBytes);
            _settlements = new Queue<Settlement>([.. settlements, .. _settlements]);
            foreach (var (id, extension) in extensions ?? [])
            {
                if (extension.Until > now)
                {
                    (_extensions ??= []).TryAdd(id, extension);
                }
            }

            return true;
        }
    }

    private static long ReplyBytes(Settlement settlement) => settlement.Reply?.SizeBytes ?? 0;

    [LoggerMessage(1111, LogLevel.Warning, "{Count} acks of {Agent} could not be stored; they are kept and tried again: {Cause}")]
    private static partial void NotStored(ILogger logger, RelayId agent, int count, string cause);

    [LoggerMessage(1113, LogLevel.Warning, "More than {Limit} acks of {Agent} wait to be stored; the oldest are forgotten and their events will be delivered again")]
    private static partial void Overflowed(ILogger logger, RelayId agent, int limit);

    [LoggerMessage(1112, LogLevel.Warning, "{Count} acks of {Agent} were not stored in time; these events will be delivered again")]
    private static partial void Forgotten(ILogger logger, RelayId agent, int count);
}

/// <summary>For whom a <see cref="SettlementQueue"/> stores. Called without the queue's lock.</summary>
internal interface ISettlementOwner
{
    /// <summary>The store knows no such event of the agent.</summary>
    void UnknownEvent(string id);

    /// <summary>The store knows of a retry, and when it is due.</summary>
    void RetryStored(DateTimeOffset due);
}
