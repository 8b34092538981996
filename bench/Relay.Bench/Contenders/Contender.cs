using Relay.Bench.Load;
using Relay.Bench.Measuring;

namespace Relay.Bench.Contenders;

/// <summary>Something that takes events, and delivers them if it has an agent's address. Runs from its start to its disposal.</summary>
internal abstract class Contender(string name, string note) : IAsyncDisposable
{
    private readonly List<Child> _processes = [];
    private readonly List<IAsyncDisposable> _owned = [];

    public string Name => name;

    /// <summary>What its acceptance is worth: where an event is when its sender is told that all is well.</summary>
    public string Note => note;

    public IReadOnlyList<Child> Processes => _processes;

    /// <summary>The process that holds agents' connections.</summary>
    public virtual Child Server => _processes[^1];

    public Target Target { get; protected set; } = null!;

    /// <summary>Whether nothing goes on in it between its turns, so that others can have theirs while it runs.</summary>
    public virtual bool Rests => true;

    /// <summary>Whether it has run long enough to be as fast as it gets; until it is disposed.</summary>
    public bool IsWarm { get; set; }

    /// <summary>How long a load runs before it is measured.</summary>
    public TimeSpan WarmUp => IsWarm ? Gate.Settling : Gate.WarmUp;

    /// <summary>Whether it can run on this machine.</summary>
    /// <returns>Null: it can. Else one sentence that says what to install.</returns>
    public virtual Task<string?> FindMissingAsync() => Task.FromResult<string?>(null);

    public abstract Task StartAsync();

    /// <summary>Where one more agent connects.</summary>
    public virtual Task<Target> AddAgentAsync() => Task.FromResult(Target);

    /// <summary>Connects the agent that gets what is posted to the target.</summary>
    /// <param name="received">Gets the number of each event.</param>
    public virtual async Task<IAsyncDisposable> ConnectAgentAsync(Action<int> received) => await Agent.ConnectAsync(Target, received, window: 1024);

    /// <inheritdoc cref="Loads.DeliverAsync(Contender, byte[], int, TimeSpan, Action)"/>
    public virtual Task<LoadResult> DeliverAsync(byte[] body, int inFlight, TimeSpan duration, Action measured) =>
        Loads.DeliverAsync(this, body, inFlight, duration, measured);

    /// <summary>Has its code compiled by some thousands of events, before a load whose own are too few for that.</summary>
    public virtual Task WarmUpAsync(byte[] body) => DeliverAsync(body, 64, TimeSpan.Zero, static () => { });

    /// <inheritdoc cref="Loads.PaceAsync"/>
    public virtual Task<LoadResult> PaceAsync(byte[] body, double perSecond, int connections, TimeSpan duration, Action measured) =>
        Loads.PaceAsync(this, body, perSecond, connections, duration, measured);

    /// <summary>Connects more agents that get nothing, until the stop.</summary>
    /// <returns>Ends when they do.</returns>
    public virtual Task<Task> ConnectIdleAsync(int count, CancellationToken stop) => IdleAgents.ConnectAsync(this, count, stop);

    public async ValueTask DisposeAsync()
    {
        foreach (var one in Enumerable.Reverse(_owned))
        {
            await one.DisposeAsync();
        }

        _owned.Clear();
        _processes.Clear();
        IsWarm = false;
    }

    protected Child Own(Child process)
    {
        _processes.Add(process);
        _owned.Add(process);
        return process;
    }

    /// <summary>Ends it before the contender ends.</summary>
    protected async Task EndAsync(Child process)
    {
        _processes.Remove(process);
        _owned.Remove(process);
        await process.DisposeAsync();
    }

    protected async Task<LocalRedis> StartRedisAsync(string fsync)
    {
        var redis = await LocalRedis.StartAsync(fsync);
        _processes.Add(redis.Process);
        _owned.Add(redis);
        return redis;
    }

    protected T Own<T>(T one)
        where T : IAsyncDisposable
    {
        _owned.Add(one);
        return one;
    }
}
