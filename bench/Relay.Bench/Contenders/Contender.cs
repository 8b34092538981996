using Relay.Bench.Load;
using Relay.Bench.Measuring;

namespace Relay.Bench.Contenders;

/// <summary>Something that takes events, and delivers them if it has an agent's address. Runs from its start to its disposal.</summary>
internal abstract class Contender(string name) : IAsyncDisposable
{
    private readonly List<Child> _processes = [];
    private readonly List<IAsyncDisposable> _owned = [];

    public string Name => name;

    public IReadOnlyList<Child> Processes => _processes;

    public Target Target { get; protected set; } = null!;

    public abstract Task StartAsync();

    /// <summary>Where one more agent connects.</summary>
    public virtual Task<Target> AddAgentAsync() => Task.FromResult(Target);

    public async ValueTask DisposeAsync()
    {
        foreach (var one in Enumerable.Reverse(_owned))
        {
            await one.DisposeAsync();
        }

        _owned.Clear();
        _processes.Clear();
    }

    protected Child Own(Child process)
    {
        _processes.Add(process);
        _owned.Add(process);
        return process;
    }

    protected async Task<LocalRedis> StartRedisAsync(string fsync)
    {
        var redis = await LocalRedis.StartAsync(fsync);
        _processes.Add(redis.Process);
        _owned.Add(redis);
        return redis;
    }

    protected void Own(IAsyncDisposable one) => _owned.Add(one);
}
