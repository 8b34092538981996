using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Storage;
using Relay.Server.Tests.Storage.Model;

namespace Relay.Server.Tests.Delivery;

/// <summary>
/// The model as a store of one agent. Calls take effect when they are made; the answers wait until the test lets them go, in any
/// order, or fails them. Any thread.
/// </summary>
internal sealed class ModelQueue(DeliveryOptions options) : IDeliveryQueue
{
    private readonly Lock _gate = new();
    private readonly QueueModel _model = new(options);
    private readonly List<TaskCompletionSource> _held = [];
    private readonly HashSet<EventId> _unanswered = [];

    public bool LosesSignals => false;

    private int _prunes;
    private int _extensions;

    private event Action<QueueSignal>? Signalled;

    /// <summary>What pruning fails with, if it is to fail.</summary>
    public Exception? PruneFault { get; set; }

    public int Prunes => Volatile.Read(ref _prunes);

    /// <summary>How often leases were to be extended.</summary>
    public int Extensions => Volatile.Read(ref _extensions);

    /// <summary>Whether answers wait for <see cref="LetGo"/>.</summary>
    public bool HoldsAnswers { get; set; }

    public T Look<T>(Func<QueueModel, T> at)
    {
        lock (_gate) return at(_model);
    }

    /// <summary>Whether the event was leased on its acceptance, and whoever called does not know it yet, or never will.</summary>
    public bool IsUnanswered(EventId id)
    {
        lock (_gate) return _unanswered.Contains(id);
    }

    /// <summary>Lets one of the waiting answers go; false if there is none. A failed one has had its effect: its outcome is unknown.</summary>
    public bool LetGo(Random random, bool fail)
    {
        TaskCompletionSource answer;
        lock (_gate)
        {
            if (_held.Count == 0) return false;
            var chosen = random.Next(_held.Count);
            answer = _held[chosen];
            _held.RemoveAt(chosen);
        }

        if (fail) answer.SetException(new StoreUnavailableException("The test says so."));
        else answer.SetResult();
        return true;
    }

    public async Task<AcceptResult> AcceptAsync(NewEvent accepted, AcceptTerms terms)
    {
        var result = await AnswerAsync(model =>
        {
            var result = model.Accept(accepted, terms);
            if (result.Status == AcceptStatus.Leased) _unanswered.Add(accepted.Id);
            return result;
        });
        lock (_gate) _unanswered.Remove(accepted.Id);
        if (result.Status == AcceptStatus.Ready) Signalled?.Invoke(new QueueSignal(ClaimedBy: null));
        return result;
    }

    public Task<LeaseResult> LeaseAsync(RelayId agent, LeaseRequest request) => AnswerAsync(model => model.Lease(request));

    public Task<IReadOnlyList<SettleResult>> SettleAsync(RelayId agent, IReadOnlyList<Settlement> settlements, DateTimeOffset now) =>
        AnswerAsync(model => model.Settle(settlements, now));

    public Task<IReadOnlyList<bool>> ExtendAsync(RelayId agent, SessionId session, IReadOnlyList<EventId> ids, DateTimeOffset until)
    {
        Interlocked.Increment(ref _extensions);
        return AnswerAsync(model => model.Extend(session, ids, until));
    }

    public async Task<ClaimResult> ClaimAsync(RelayId agent, SessionId session, DateTimeOffset now)
    {
        var claimed = Look(model => model.TakeClaim(session, now));
        await Task.Yield();
        Signalled?.Invoke(new QueueSignal(session));
        return claimed;
    }

    public Task<StoredEvent?> FindAsync(RelayId agent, EventId id) => Task.FromResult(Look(model => model.Find(id)));

    public Task<IAsyncDisposable> SubscribeAsync(RelayId agent, Action<QueueSignal> onSignal)
    {
        Signalled += onSignal;
        return Task.FromResult<IAsyncDisposable>(new Subscription(() => Signalled -= onSignal));
    }

    public Task<ExpireResult> ExpireAsync(RelayId agent, EventId before, DateTimeOffset now, int limit) =>
        throw new NotSupportedException("No pump asks for it.");

    public Task ForgetGapsAsync(RelayId agent, IReadOnlyList<Gap> told) => throw new NotSupportedException("No pump asks for it.");

    public Task<StoredEvent?> FindAsync(EventId id) => throw new NotSupportedException("No pump asks for it.");

    public Task<EventPage> ListAsync(RelayId agent, EventQuery query) => throw new NotSupportedException("No pump asks for it.");

    public Task<int> PruneAsync(DateTimeOffset now)
    {
        Interlocked.Increment(ref _prunes);
        return PruneFault is { } fault ? Task.FromException<int>(fault) : Task.FromResult(0);
    }

    private async Task<T> AnswerAsync<T>(Func<QueueModel, T> call)
    {
        T result;
        Task released;
        lock (_gate)
        {
            result = call(_model);
            released = Task.CompletedTask;
            if (HoldsAnswers)
            {
                TaskCompletionSource answer = new(TaskCreationOptions.RunContinuationsAsynchronously);
                _held.Add(answer);
                released = answer.Task;
            }
        }

        await released;
        return result;
    }

    private sealed class Subscription(Action end) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            end();
            return ValueTask.CompletedTask;
        }
    }
}
