using System.Diagnostics;
using System.Globalization;
using Relay.Protocol;
using Xunit.Abstractions;

namespace Relay.Faults.Tests;

/// <summary>Three nodes on one Redis, and agents spread over them: each is connected to one node, and its senders post to another.</summary>
internal sealed class Fleet : IAsyncDisposable
{
    public const int NodeCount = 3;

    private const int AgentCount = 6;
    private const int SendersEach = 2;
    private const int AcceptedEach = 40;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly ServerProcess[] _nodes;
    private readonly List<(RegisterResponse Agent, Tally Tally)> _agents = [];
    private readonly List<Receiver> _receivers = [];
    private readonly List<Senders> _senders = [];
    private readonly List<string> _recoveries = [];

    private Fleet(ServerProcess[] nodes) => _nodes = nodes;

    public IReadOnlyList<ServerProcess> Nodes => _nodes;

    public IEnumerable<RegisterResponse> Agents => _agents.Select(static one => one.Agent);

    /// <summary>Nodes that are ready, agents that are connected, senders that post.</summary>
    public static Task<Fleet> StartAsync(string redis) =>
        StartAsync(Enumerable.Range(0, NodeCount).Select(_ => ServerProcess.StartAsync(redis, ServerProcess.FastRetries)));

    /// <summary>The same with a link of its own between each node and Redis.</summary>
    public static Task<Fleet> StartAsync(IEnumerable<RedisLink> links) =>
        StartAsync(links.Select(static link => ServerProcess.StartBehindAsync(link, ServerProcess.FastRetries)));

    private static async Task<Fleet> StartAsync(IEnumerable<Task<ServerProcess>> nodes)
    {
        var fleet = new Fleet(await Task.WhenAll(nodes));
        try
        {
            for (var i = 0; i < AgentCount; i++)
            {
                var (agent, tally) = (await fleet._nodes[0].RegisterAsync(), new Tally());
                fleet._agents.Add((agent, tally));
                fleet._receivers.Add(new Receiver(fleet._nodes[i % NodeCount].Url, agent, tally));
                fleet._senders.Add(new Senders(fleet._nodes[(i + 1) % NodeCount].Http, agent, tally, SendersEach));
            }

            await fleet.GoOnAsync();
            return fleet;
        }
        catch
        {
            await fleet.DisposeAsync();
            throw;
        }
    }

    /// <summary>Waits until every agent was sent some more, and got them.</summary>
    public async Task GoOnAsync()
    {
        var goals = _agents.Select(static one => (one.Tally, Accepted: one.Tally.Accepted + AcceptedEach, Delivered: one.Tally.Delivered + AcceptedEach)).ToArray();
        await Tally.WhenAsync(() => goals.All(static goal => goal.Tally.Accepted >= goal.Accepted && goal.Tally.Delivered >= goal.Delivered));
    }

    /// <summary>Lets something fail under load, and notes how long it is until everything works again, from when the fault begins.</summary>
    public async Task FailAsync(string what, Func<Task> fault)
    {
        var began = Stopwatch.GetTimestamp();
        await fault();
        await GoOnAsync();
        await Task.WhenAll(_nodes.Select(static node => node.WhenReadyAsync()));
        _recoveries.Add(string.Create(CultureInfo.InvariantCulture, $"{what} {Stopwatch.GetElapsedTime(began).TotalSeconds:0.0} s"));
    }

    /// <summary>The same of a fault that may lose what a replica has not got: what is accepted from now on until everything works again is at risk.</summary>
    /// <param name="what">Its name.</param>
    /// <param name="replicate">Waits until the replicas have what has been accepted before this is called.</param>
    /// <param name="fault">Kills the primary, say.</param>
    public async Task FailAtRiskAsync(string what, Func<Task> replicate, Func<Task> fault)
    {
        _agents.ForEach(static one => one.Tally.IsAtRisk = true);
        await replicate();
        await FailAsync(what, fault);
        _agents.ForEach(static one => one.Tally.IsAtRisk = false);
    }

    /// <summary>Ends the senders, waits until all they were answered for is delivered, prints the counts, and fails if something is lost that was not at risk.</summary>
    public async Task AssertNothingLostAsync(ITestOutputHelper output, string what)
    {
        await StopSendersAsync();
        for (var waited = Stopwatch.StartNew(); Sum(static tally => tally.Lost) > 0 && waited.Elapsed < Patience && await AnythingWaitsAsync();)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System);
        }

        var lost = Sum(static tally => tally.LostWithoutRisk);
        var line = string.Create(
            CultureInfo.InvariantCulture,
            $"{what}: accepted {Sum(static tally => tally.Accepted)}, refused {Sum(static tally => tally.Refused)}, delivered {Sum(static tally => tally.Delivered)}, more than once {Sum(static tally => tally.DeliveredMoreThanOnce)}, lost {lost}, lost of what was at risk {Sum(static tally => tally.Lost) - lost}; recovered: {string.Join(", ", _recoveries)}");
        output.WriteLine(line);
        Console.WriteLine(line);
        Assert.True(lost == 0, line);
    }

    public async ValueTask DisposeAsync()
    {
        await StopSendersAsync();
        await Task.WhenAll(_receivers.Select(static receiver => receiver.DisposeAsync().AsTask()));
        await Task.WhenAll(_nodes.Select(static node => node.DisposeAsync().AsTask()));
    }

    /// <summary>Whether anything is still to be delivered, as the relay itself says.</summary>
    private async Task<bool> AnythingWaitsAsync()
    {
        foreach (var (agent, _) in _agents)
        {
            if (await _nodes[0].HasEventsAsync(agent, "queued") || await _nodes[0].HasEventsAsync(agent, "in_flight"))
            {
                return true;
            }
        }

        return false;
    }

    private int Sum(Func<Tally, int> of) => _agents.Sum(one => of(one.Tally));

    private async Task StopSendersAsync()
    {
        await Task.WhenAll(_senders.Select(static senders => senders.DisposeAsync().AsTask()));
        _senders.Clear();
    }
}
