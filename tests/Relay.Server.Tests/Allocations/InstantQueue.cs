using Relay.Protocol;
using Relay.Server.Delivery;

namespace Relay.Server.Tests.Allocations;

/// <summary>A store that keeps nothing and costs nothing: an event is leased as it is accepted, nothing waits, settlements are held until let go.</summary>
internal sealed class InstantQueue : IDeliveryQueue
{
    private static readonly Task<AcceptResult> Leased = Task.FromResult(new AcceptResult(AcceptStatus.Leased, default));
    private static readonly Task<LeaseResult> NothingWaits = Task.FromResult(LeaseResult.Nothing);

    private volatile TaskCompletionSource _letGo = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _settled;

    public bool LosesSignals => false;

    public int Settled => Volatile.Read(ref _settled);

    public void HoldSettlements() => _letGo = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public void LetSettlementsGo() => _letGo.TrySetResult();

    public Task<AcceptResult> AcceptAsync(NewEvent accepted, AcceptTerms terms) => Leased;

    public Task<LeaseResult> LeaseAsync(RelayId agent, LeaseRequest request) => NothingWaits;

    public async Task<IReadOnlyList<SettleResult>> SettleAsync(RelayId agent, IReadOnlyList<Settlement> settlements, DateTimeOffset now)
    {
        await _letGo.Task;
        Interlocked.Add(ref _settled, settlements.Count);
        return new SettleResult[settlements.Count];
    }

    public Task<IReadOnlyList<bool>> ExtendAsync(RelayId agent, SessionId session, IReadOnlyList<EventId> ids, DateTimeOffset until) => throw new NotSupportedException();

    public Task<ClaimResult> ClaimAsync(RelayId agent, SessionId session, DateTimeOffset now) => throw new NotSupportedException();

    public Task<ExpireResult> ExpireAsync(RelayId agent, EventId before, DateTimeOffset now, int limit) => throw new NotSupportedException();

    public Task ForgetGapsAsync(RelayId agent, IReadOnlyList<Gap> told) => throw new NotSupportedException();

    public Task<StoredEvent?> FindAsync(RelayId agent, EventId id) => throw new NotSupportedException();

    public Task<StoredEvent?> FindAsync(EventId id) => throw new NotSupportedException();

    public Task<EventPage> ListAsync(RelayId agent, EventQuery query) => throw new NotSupportedException();

    public Task<IAsyncDisposable> SubscribeAsync(RelayId agent, Action<QueueSignal> onSignal) => throw new NotSupportedException();

    public Task<int> PruneAsync(DateTimeOffset now) => throw new NotSupportedException();
}
