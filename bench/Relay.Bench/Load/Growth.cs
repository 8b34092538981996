using Relay.Bench.Contenders;

namespace Relay.Bench.Load;

/// <summary>The same loads on contenders that already have much.</summary>
internal static class Growth
{
    private const int AtATime = 50;

    /// <summary>So many agents are connected, and get the events in turns.</summary>
    public static async Task<LoadResult> DeliverToManyAsync(Contender contender, byte[] body, int agents, int inFlight, TimeSpan duration, Action measured)
    {
        List<Target> targets = [contender.Target];
        foreach (var batch in Enumerable.Range(0, agents - 1).Chunk(AtATime))
        {
            targets.AddRange(await Task.WhenAll(batch.Select(_ => contender.AddAgentAsync())));
        }

        return await Loads.DeliverAsync(targets, received => ConnectAsync(targets, received), body, inFlight, contender.WarmUp, duration, measured);
    }

    /// <summary>So many events wait for another agent, which is not connected.</summary>
    public static async Task<LoadResult> DeliverBesideAsync(Contender contender, byte[] body, int waiting, int inFlight, TimeSpan duration, Action measured)
    {
        await Loads.FillAsync(await contender.AddAgentAsync(), body, waiting);
        return await contender.DeliverAsync(body, inFlight, duration, measured);
    }

    /// <summary>So many events wait for an agent that is not connected, and more are posted to it.</summary>
    public static async Task<LoadResult> AcceptOnTopAsync(Contender contender, byte[] body, int waiting, int inFlight, TimeSpan duration, Action measured)
    {
        await Loads.FillAsync(contender.Target, body, waiting);
        return await Loads.AcceptAsync(contender, body, inFlight, duration, measured);
    }

    private static async Task<IAsyncDisposable> ConnectAsync(IReadOnlyList<Target> targets, Action<int> received)
    {
        var group = new AgentGroup();
        foreach (var batch in targets.Chunk(AtATime))
        {
            group.Agents.AddRange(await Task.WhenAll(batch.Select(target => Agent.ConnectAsync(target, received))));
        }

        return group;
    }

    private sealed class AgentGroup : IAsyncDisposable
    {
        public List<Agent> Agents { get; } = [];

        public async ValueTask DisposeAsync() => await Task.WhenAll(Agents.Select(static agent => agent.DisposeAsync().AsTask()));
    }
}
