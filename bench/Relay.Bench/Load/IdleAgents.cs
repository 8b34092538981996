using System.Diagnostics;
using System.Net.WebSockets;
using System.Text;
using Relay.Bench.Contenders;

namespace Relay.Bench.Load;

/// <param name="Agents">How many were connected.</param>
/// <param name="KiBEach">Of the server's resident memory, for each of them.</param>
/// <param name="KiBCollected">The same, when it has collected its garbage: what an agent keeps.</param>
/// <param name="Cores">What each process used while nothing happened but heartbeats: 0.01 is 1 % of a core.</param>
internal sealed record IdleResult(int Agents, double KiBEach, double KiBCollected, IReadOnlyDictionary<string, double> Cores);

/// <summary>Agents that are connected, answer pings, and get nothing.</summary>
internal static class IdleAgents
{
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(5);

    public static async Task<IdleResult> MeasureAsync(Contender contender, int agents, TimeSpan duration)
    {
        using var stop = new CancellationTokenSource();
        var server = contender.Server;

        // The first ones pay for what is made once.
        var first = await contender.ConnectIdleAsync(200, stop.Token);
        await Task.Delay(Settling, TimeProvider.System);
        var before = server.MemoryMiB;
        server.CollectGarbage();
        var beforeCollected = server.MemoryMiB;
        var others = await contender.ConnectIdleAsync(agents, stop.Token);
        await Task.Delay(Settling, TimeProvider.System);
        var each = (server.MemoryMiB - before) * 1024 / agents;

        var used = contender.Processes.Select(static process => (process.Name, Cpu: process.CpuMicroseconds)).ToArray();
        var began = Stopwatch.GetTimestamp();
        await Task.Delay(duration, TimeProvider.System);
        var microseconds = Stopwatch.GetElapsedTime(began).TotalMicroseconds;
        var cores = used.Zip(contender.Processes, (one, process) => (one.Name, (process.CpuMicroseconds - one.Cpu) / microseconds)).ToDictionary();

        server.CollectGarbage();
        var collected = (server.MemoryMiB - beforeCollected) * 1024 / agents;

        await stop.CancelAsync();
        await Task.WhenAll(first, others).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return new IdleResult(agents, each, collected, cores);
    }

    /// <summary>Agents on WebSockets that answer heartbeats until the stop.</summary>
    public static async Task<Task> ConnectAsync(Contender contender, int count, CancellationToken stop)
    {
        List<Task> connected = [];
        foreach (var batch in Enumerable.Range(0, count).Chunk(50))
        {
            connected.AddRange(await Task.WhenAll(batch.Select(async _ =>
            {
                var target = await contender.AddAgentAsync();
                return ServeAsync(await OpenAsync(target, stop), target.Wire, stop);
            })));
        }

        return Task.WhenAll(connected);
    }

    private static async Task<ClientWebSocket> OpenAsync(Target target, CancellationToken stop)
    {
        var socket = new ClientWebSocket();
        if (target.Bearer is not null)
        {
            socket.Options.SetRequestHeader("Authorization", "Bearer " + target.Bearer);
        }

        await socket.ConnectAsync(target.Agent!, stop);
        await Agent.GreetAsync(socket, target.Wire, stop);
        return socket;
    }

    private static async Task ServeAsync(ClientWebSocket socket, Wire wire, CancellationToken stop)
    {
        using var _ = socket;
        var buffer = new byte[1024];
        while (true)
        {
            var frame = await socket.ReceiveAsync(buffer.AsMemory(), stop);
            if (buffer.AsSpan(0, frame.Count).StartsWith(wire.PingStart))
            {
                await socket.SendAsync(Encoding.ASCII.GetBytes(wire.Pong).AsMemory(), WebSocketMessageType.Text, endOfMessage: true, stop);
            }
        }
    }
}
