using System.Diagnostics;
using System.Globalization;
using Relay.Protocol;

namespace Relay.Faults.Tests;

/// <summary>Agents and senders on one server for a long time, while a seed says what fails next.</summary>
internal sealed class Soak(string store, int seed, TimeSpan duration, Action<string> print)
{
    private const int Agents = 3;
    private const int SendersEach = 2;
    private const int YoungNumbers = int.MaxValue / 2;
    private static readonly TimeSpan LineEvery = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Random _random = new(seed);
    private readonly List<(RegisterResponse Agent, Tally Tally)> _agents = [];
    private readonly SortedDictionary<string, int> _faults = [];

    public async Task RunAsync()
    {
        await using var redis = store == "redis" ? await RedisServer.StartAsync() : null;
        await using var server = await ServerProcess.StartAsync(redis?.ConnectionString, ServerProcess.FastRetries);
        await using var proxy = new CutProxy(server.Url);
        for (var i = 0; i < Agents; i++)
        {
            _agents.Add((await server.RegisterAsync(), new Tally()));
        }

        List<Receiver> receivers = [.. _agents.Select(one => new Receiver(proxy.Url, one.Agent, one.Tally))];
        try
        {
            await FailAsync(server, redis, proxy);
            await AssertNothingLostAsync();
            await AssertNothingLeftAsync(server, proxy, receivers);
        }
        finally
        {
            foreach (var receiver in receivers)
            {
                await receiver.DisposeAsync();
            }
        }
    }

    private async Task FailAsync(ServerProcess server, RedisServer? redis, CutProxy proxy)
    {
        List<Senders> senders = [.. _agents.Select(one => new Senders(server.Http, one.Agent, one.Tally, SendersEach))];
        var faults = Faults(server, redis, proxy);
        var began = Stopwatch.GetTimestamp();
        var nextLine = LineEvery;
        while (Stopwatch.GetElapsedTime(began) < duration)
        {
            await Tally.WhenAcceptedAsync([.. _agents.Select(one => one.Tally)], _random.Next(50, 2000));
            var (name, fault) = faults[_random.Next(faults.Count)];
            _faults[name] = _faults.GetValueOrDefault(name) + 1;
            await fault();
            await server.WhenReadyAsync();
            if (Stopwatch.GetElapsedTime(began) >= nextLine)
            {
                nextLine += LineEvery;
                print($"{store}, {Stopwatch.GetElapsedTime(began):hh\\:mm\\:ss}: {Counts()}; server {server.Usage()}; {string.Join(", ", _faults.Select(one => $"{one.Key} {one.Value}"))}");
            }
        }

        foreach (var sender in senders)
        {
            await sender.DisposeAsync();
        }
    }

    /// <summary>The server is killed more rarely than the rest, so that it can grow old.</summary>
    private List<(string Name, Func<Task> Fault)> Faults(ServerProcess server, RedisServer? redis, CutProxy proxy)
    {
        List<(string, Func<Task>)> faults = [];
        for (var often = 0; often < 3; often++)
        {
            faults.Add(("cut", () => Done(proxy.CutAll)));
            faults.Add(("stall", () => Done(proxy.StallAll)));
            faults.Add(("half open", () => Done(proxy.LeaveAllHalfOpen)));
        }

        faults.Add(("kill server", async () =>
        {
            await server.KillAsync();
            await server.StartAsync();
        }
        ));
        faults.Add(("stop server", async () =>
        {
            await server.StopAsync();
            await server.StartAsync();
        }
        ));
        if (redis is not null)
        {
            faults.Add(("kill redis", async () =>
            {
                await redis.KillAsync();
                await redis.RestartAsync();
            }
            ));
            faults.Add(("freeze redis", async () =>
            {
                var refused = _agents[0].Tally.Refused;
                await redis.FreezeAsync();
                await _agents[0].Tally.WhenRefusedAsync(refused + 1);
                await redis.ThawAsync();
            }
            ));
        }

        return faults;

        static Task Done(Action fault)
        {
            fault();
            return Task.CompletedTask;
        }
    }

    private async Task AssertNothingLostAsync()
    {
        foreach (var (_, tally) in _agents)
        {
            await Tally.WhenAsync(() => tally.Lost == 0);
        }

        print($"{store}: {Counts()}");
    }

    /// <summary>Compares the old server, now idle, with a young one that has done a little.</summary>
    private async Task AssertNothingLeftAsync(ServerProcess server, CutProxy proxy, List<Receiver> receivers)
    {
        var old = server.Usage();
        await server.StopAsync();
        await server.StartAsync();
        await WhenNothingIsQueuedAsync(proxy, receivers);
        foreach (var (agent, tally) in _agents)
        {
            await using (new Senders(server.Http, agent, tally, SendersEach, firstNumber: YoungNumbers))
            {
                await tally.WhenAcceptedAsync(tally.Accepted + 300);
            }

            await Tally.WhenAsync(() => tally.Lost == 0);
        }

        var young = server.Usage();
        print($"{store}: old server {old}; young server {young}; nothing is queued");
        Assert.True(old.Handles <= young.Handles + 30, $"Handles are left open: {old}, young: {young}");
        Assert.True(old.MemoryBytes <= (2 * young.MemoryBytes) + (128 << 20), $"Memory has grown: {old}, young: {young}");
    }

    /// <summary>
    /// What is queued is told to who connects. What was stored although its sender could not be answered, while Redis was frozen, is leased to a session
    /// that does not know of it, and comes when that lease is over.
    /// </summary>
    private static async Task WhenNothingIsQueuedAsync(CutProxy proxy, List<Receiver> receivers)
    {
        var began = Stopwatch.GetTimestamp();
        do
        {
            Assert.True(Stopwatch.GetElapsedTime(began) < Patience, $"Queued: {string.Join(", ", receivers.Select(static receiver => receiver.Pending))}");
            int[] connections = [.. receivers.Select(receiver => receiver.Connections)];
            proxy.CutAll();
            await Tally.WhenAsync(() => receivers.Zip(connections).All(one => one.First.Connections > one.Second));
        }
        while (receivers.Any(static receiver => receiver.Pending > 0));
    }

    private string Counts() => string.Create(
        CultureInfo.InvariantCulture,
        $"accepted {_agents.Sum(one => one.Tally.Accepted)}, refused {_agents.Sum(one => one.Tally.Refused)}, delivered {_agents.Sum(one => one.Tally.Delivered)}, more than once {_agents.Sum(one => one.Tally.DeliveredMoreThanOnce)}, not delivered {_agents.Sum(one => one.Tally.Lost)}");
}
