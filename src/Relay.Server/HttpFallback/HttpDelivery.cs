using Relay.Protocol;
using Relay.Server.Agents;
using Relay.Server.Connections;
using Relay.Server.Delivery;
using Relay.Server.Operations;
using Relay.Server.Storage;

namespace Relay.Server.HttpFallback;

/// <summary>
/// Brings one agent's events to its endpoint, for as long as there are some: a <see cref="DeliveryPump"/> whose sink posts. It holds still while
/// the agent is connected (unless its events are always posted) or paused, and while its target's circuit is open.
/// <para>
/// The agenda says when the agent is to be taken up next: soon, while this lives, so that another node goes on if this one dies; when
/// something is due, after this has ended; never, when nothing is left.
/// </para>
/// <para>RunAsync: once. TryKeep, EnsureListedAsync: any thread.</para>
/// </summary>
internal sealed partial class HttpDelivery : IAgentWatcher
{
    /// <summary>After so long without a word from this node another one goes on.</summary>
    public static readonly TimeSpan Hold = TimeSpan.FromSeconds(30);

    /// <summary>Posts at a time: few, because the target is somebody's web server.</summary>
    private const int MaxPosts = 4;

    private static readonly TimeSpan TickInterval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan ListInterval = TimeSpan.FromSeconds(10);

    /// <summary>An event that comes later than this after the entry was made anew makes it anew.</summary>
    private static readonly TimeSpan ListedFor = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Only an entry that has stood for so long as this node made it is taken away: any event that came to another node meanwhile, or comes
    /// from now on, has made the entry anew (<see cref="ListedFor"/>), and one that came before was seen.
    /// </summary>
    private static readonly TimeSpan SettledAfter = 2 * ListedFor;

    private static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan PresenceInterval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan PausedInterval = TimeSpan.FromMinutes(1);

    /// <summary>A lease outlives its post, which ends in time by itself.</summary>
    private static readonly TimeSpan LeaseTime = EndpointPoster.Timeout + TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private readonly RelayId _id;
    private readonly HttpDeliveryServices _services;
    private readonly EndpointSink _sink;
    private readonly AgentWatch _watch;
    private readonly SessionId _session = SessionId.NewHttp();

    private State _state = State.Wanted;
    private Task? _listed;

    /// <summary>Where this node has put the entry last, and when.</summary>
    private DateTimeOffset _entry;
    private DateTimeOffset _listedAt;
    private Agent? _agent;
    private DeliveryPump? _pump;
    private DeliveryPolicy? _applied;
    private IAsyncDisposable? _subscription;
    private DateTimeOffset _nextListing;
    private DateTimeOffset _nextPresence;
    private DateTimeOffset _nextLook;
    private bool _failedBefore;

    /// <summary>To any node, as last heard.</summary>
    private volatile bool _isConnected;

    /// <param name="id">Whose events.</param>
    /// <param name="services">What every delivery needs.</param>
    /// <param name="cutOff">Ends posts that are on their way.</param>
    public HttpDelivery(RelayId id, HttpDeliveryServices services, CancellationToken cutOff)
    {
        (_id, _services) = (id, services);
        _sink = new EndpointSink(id, services, Apply, cutOff);
        _watch = new AgentWatch(this, id, services.Time, services.Logger);
    }

    private enum State
    {
        /// <summary>Something may have come that was not looked for yet.</summary>
        Wanted,

        /// <summary>It was looked, or is being looked, whether there is anything.</summary>
        Looked,

        /// <summary>There was not; another one begins when something comes.</summary>
        Ended,
    }

    private DateTimeOffset Now => _services.Time.GetUtcNow();

    /// <summary>Something may have come for the agent.</summary>
    /// <returns>False: too late, this one ends.</returns>
    public bool TryKeep()
    {
        lock (_gate)
        {
            if (_state == State.Ended)
            {
                return false;
            }

            _state = State.Wanted;
            return true;
        }
    }

    /// <summary>Returns when the agenda has the agent: from then on its events are seen to, whatever becomes of this node.</summary>
    public Task EnsureListedAsync()
    {
        lock (_gate)
        {
            // A clock that went back has left the entry too far ahead.
            var since = Now - _listedAt;
            return _listed is null or { IsFaulted: true } || since >= ListedFor || since < TimeSpan.Zero ? _listed = ListAsync(Now + Hold) : _listed;
        }
    }

    /// <summary>This node took the agent up, and moved the entry there.</summary>
    public void Taken(DateTimeOffset until)
    {
        lock (_gate)
        {
            (_entry, _listedAt) = (until, Now);
        }
    }

    /// <summary>Delivers until nothing is left to do, or the server stops. Does not throw.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        try
        {
            using var timer = new PeriodicTimer(TickInterval, _services.Time);
            do
            {
                await TryAsync(_pump is null ? OpenAsync : TickAsync);
            }
            while (_state != State.Ended && await timer.WaitForNextTickAsync(stopping));
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
        }

        await EndAsync();
        if (stopping.IsCancellationRequested)
        {
            // Whoever is there next goes on at once.
            await TryAsync(() => ListAsync(Now));
        }
    }

    private async Task OpenAsync()
    {
        Tell(await _services.Agents.FindAsync(_id, CancellationToken.None));
        if (_agent is null)
        {
            await LookAsync(Now);
            return;
        }

        _subscription ??= await _services.Pump.Queue.SubscribeAsync(_id, OnSignal);
        _isConnected = await _services.Presence.IsConnectedAsync(_id);
        if (_agent is not { } agent)
        {
            // It was deactivated meanwhile; the next tick looks again.
            return;
        }

        _pump = new DeliveryPump(_id, _applied = PolicyOf(agent), _session, asked: null, _sink, _services.Pump);
        _sink.Pump = _pump;
        (_nextListing, _nextLook) = (Now + ListInterval, Now + LookInterval);

        // It may have changed before anybody here would have been told.
        _watch.Look();
        _pump.Open();
    }

    private async Task TickAsync()
    {
        var now = Now;
        Apply();
        _pump!.Tick(now);
        if (Repeating.IsDue(ref _nextPresence, PresenceInterval, now))
        {
            _isConnected = await _services.Presence.IsConnectedAsync(_id);
        }

        if (Repeating.IsDue(ref _nextListing, ListInterval, now))
        {
            if (_services.Pump.Queue.LosesSignals)
            {
                _watch.Look();
            }

            await EnsureListedAsync();
        }

        if (_pump.IsIdle && Repeating.IsDue(ref _nextLook, LookInterval, now))
        {
            await LookAsync(now);
        }
    }

    /// <summary>Ends this if nothing is to be done soon.</summary>
    private async Task LookAsync(DateTimeOffset now)
    {
        lock (_gate)
        {
            _state = State.Looked;
        }

        var next = await NextAsync(now);
        Task listed;
        lock (_gate)
        {
            if (next <= now + Hold || _state != State.Looked || Now - _listedAt < SettledAfter)
            {
                return;
            }

            // Said in this order, under the lock: the entry of one that begins from here on comes after it.
            _state = State.Ended;
            listed = next is { } at
                ? _services.Agenda.MoveAsync(AgendaKind.HttpFallback, _id, _entry, at)
                : _services.Agenda.RemoveAsync(AgendaKind.HttpFallback, _id, _entry);
        }

        await listed;
        if (await NextAsync(now) is { } since && (next is null || since < next))
        {
            // Another node accepted something, and may have made its entry before this one was removed or moved.
            await ListAsync(now);
        }
    }

    /// <summary>When something is to be done; null when there is nothing.</summary>
    private async Task<DateTimeOffset?> NextAsync(DateTimeOffset now)
    {
        if (_agent is not { HttpEndpoint: not null } agent)
        {
            return null;
        }

        var stand = await _services.Pump.Queue.LeaseAsync(_id, new LeaseRequest(_session, MaxEvents: 0, MaxBytes: 0, now, now));
        var due = stand.More ? now : stand.NextDue;
        return due < now + PausedInterval && agent.Policy.Paused ? now + PausedInterval : due;
    }

    private Task ListAsync(DateTimeOffset at)
    {
        lock (_gate)
        {
            (_entry, _listedAt) = (at, Now);
            return _services.Agenda.SetAsync(AgendaKind.HttpFallback, _id, at);
        }
    }

    private void OnSignal(QueueSignal signal)
    {
        if (signal.AgentChanged)
        {
            _watch.Look();
        }

        // It may have been connected since the last tick, also to another node.
        _isConnected |= signal.ClaimedBy is not null;
        Apply();
        _pump?.Wake();
    }

    Task<Agent?> IAgentWatcher.ReadAsync() => _services.Agents.ReloadAsync(_id, CancellationToken.None);

    public void Tell(Agent? agent)
    {
        _agent = agent;
        Apply();
    }

    /// <summary>Has the pump go on as everything stands now.</summary>
    private void Apply()
    {
        lock (_gate)
        {
            if (_pump is null || PolicyOf(_agent) is var policy && policy == _applied)
            {
                return;
            }

            _applied = policy;
            _pump.Apply(policy);
            _pump.Wake();
        }
    }

    private DeliveryPolicy PolicyOf(Agent? agent)
    {
        // A deactivated agent's events are left alone, as they were going to be delivered.
        if (agent is null)
        {
            return _applied! with { Paused = true };
        }

        var circuit = agent.HttpEndpoint is { } endpoint ? _services.Circuits.Look(endpoint) : CircuitState.Open;
        var holds = circuit == CircuitState.Open || _sink.IsGone(agent) || (!agent.Policy.PostsAlways && (_isConnected || _services.Connections.IsConnected(_id)));
        return agent.Policy with
        {
            AckTimeout = LeaseTime,
            MaxInFlight = circuit == CircuitState.HalfOpen ? 1 : Math.Min(MaxPosts, agent.Policy.MaxInFlight),
            Paused = holds || agent.Policy.Paused,
        };
    }

    /// <summary>Lets posts end in peace, then gives back what is left.</summary>
    private async Task EndAsync()
    {
        if (_pump is not null)
        {
            _pump.Drain();
            await _sink.EndAsync();
            _pump.Stop(PumpEnd.Shutdown);
            await _pump.EndAsync();
        }

        await _watch.EndAsync();
        if (_subscription is not null)
        {
            await TryAsync(() => _subscription.DisposeAsync().AsTask());
        }
    }

    /// <summary>What fails is tried again at the next tick, and said once.</summary>
    private async Task TryAsync(Func<Task> work)
    {
        try
        {
            await work();
            _failedBefore = false;
        }
        catch (StoreUnavailableException)
        {
            // Whoever could not do something that matters says so.
        }
        catch (Exception exception)
        {
            if (!_failedBefore)
            {
                Failed(_services.Logger, exception, _id);
            }

            _failedBefore = true;
        }
    }

    [LoggerMessage(1601, LogLevel.Error, "Deliveries to the endpoint of {Agent} failed; it is tried again")]
    private static partial void Failed(ILogger logger, Exception exception, RelayId agent);
}
