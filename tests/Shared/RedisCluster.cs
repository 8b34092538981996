using System.Diagnostics;
using System.Globalization;

namespace Relay.Tests.Shared;

/// <summary>A real Redis Cluster on loopback: three primaries, each with a replica that takes over soon after it died.</summary>
internal sealed class RedisCluster : IAsyncDisposable
{
    private const int Nodes = 6;
    private const int Slots = 16384;
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(60);

    /// <summary>
    /// A replica that has just seen its primary fail may stand for election however old its data is; in a test it is never old. The cluster
    /// goes on with the slots that are left.
    /// </summary>
    private static readonly string[] Settings =
    [
        "--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-require-full-coverage", "no",
        "--cluster-replica-validity-factor", "0", "--repl-diskless-sync-delay", "0", "--loglevel", "warning",
    ];

    private readonly RedisServer[] _servers;

    private RedisCluster(RedisServer[] servers) => _servers = servers;

    public IReadOnlyList<RedisServer> Servers => _servers;

    /// <summary>Two of them, as an operator names some.</summary>
    public string ConnectionString => $"{_servers[0].ConnectionString},{_servers[1].ConnectionString}";

    /// <summary>A cluster that takes writes and whose replicas follow.</summary>
    public static async Task<RedisCluster> StartAsync(params string[] settings)
    {
        var cluster = new RedisCluster([.. Enumerable.Range(0, Nodes).Select(static _ => RedisServer.NotStarted())]);
        try
        {
            await Task.WhenAll(cluster._servers.Select(server => server.RestartAsync([.. Settings, .. settings])));
            await RunAsync(["--cluster", "create", .. cluster._servers.Select(static server => server.ConnectionString), "--cluster-replicas", "1", "--cluster-yes"]);
            await cluster.WhenWholeAsync();
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>Waits until each server that runs sees all slots served, and each replica follows its primary.</summary>
    public async Task WhenWholeAsync()
    {
        for (var waited = Stopwatch.StartNew(); ; await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System))
        {
            var states = await Task.WhenAll(_servers.Where(static server => server.IsRunning).Select(static async server =>
                await server.ReadAsync("CLUSTER INFO") + await server.ReadAsync("INFO replication")));
            if (states.All(static state => state.Contains("cluster_state:ok", StringComparison.Ordinal)
                && state.Contains($"cluster_slots_ok:{Slots}", StringComparison.Ordinal)
                && (state.Contains("role:master", StringComparison.Ordinal) || state.Contains("master_link_status:up", StringComparison.Ordinal))))
            {
                return;
            }

            Assert.True(waited.Elapsed < Timeout, $"The Redis Cluster did not become whole:\n{string.Join("\n\n", states)}");
        }
    }

    /// <summary>Who serves a key now, as the first server that runs sees it.</summary>
    public async Task<RedisServer> PrimaryOfAsync(string key)
    {
        var asked = _servers.First(static server => server.IsRunning);
        var slot = int.Parse((await asked.SendAsync($"CLUSTER KEYSLOT {key}")).AsSpan(1), CultureInfo.InvariantCulture);
        foreach (var node in await NodesAsync(asked))
        {
            if (node.IsPrimary && node.Ranges.Any(range => range.First <= slot && slot <= range.Last))
            {
                return node.Server;
            }
        }

        throw new InvalidOperationException($"Nobody serves slot {slot}.");
    }

    /// <summary>A replica of a primary.</summary>
    public async Task<RedisServer> ReplicaOfAsync(RedisServer primary) =>
        await FindReplicaAsync(primary) ?? throw new InvalidOperationException($"The primary on port {primary.Port} has no replica.");

    /// <summary>A primary and its replica.</summary>
    public async Task<(RedisServer Primary, RedisServer Replica)> PairAsync()
    {
        foreach (var primary in await PrimariesAsync())
        {
            if (await FindReplicaAsync(primary) is { } replica)
            {
                return (primary, replica);
            }
        }

        throw new InvalidOperationException("No primary has a replica.");
    }

    /// <summary>Moves slots under load, as an operator does: <c>redis-cli --cluster reshard</c>.</summary>
    public static async Task ReshardAsync(RedisServer from, RedisServer to, int slots) => await RunAsync(
    [
        "--cluster", "reshard", from.ConnectionString, "--cluster-from", await IdOfAsync(from), "--cluster-to", await IdOfAsync(to),
        "--cluster-slots", $"{slots}", "--cluster-yes",
    ]);

    /// <summary>Begins to move the slot of a key: no key has moved yet.</summary>
    public async Task<SlotMove> BeginMoveAsync(string key)
    {
        var from = await PrimaryOfAsync(key);
        var to = (await PrimariesAsync()).First(primary => primary != from);
        var slot = int.Parse((await from.SendAsync($"CLUSTER KEYSLOT {key}")).AsSpan(1), CultureInfo.InvariantCulture);
        var move = new SlotMove(slot, from, to, await PrimariesAsync());
        await move.BeginAsync();
        return move;
    }

    public async Task<RedisServer[]> PrimariesAsync() =>
        [.. (await NodesAsync(_servers.First(static server => server.IsRunning))).Where(static node => node.IsPrimary).Select(static node => node.Server)];

    public async ValueTask DisposeAsync()
    {
        foreach (var server in _servers)
        {
            await server.DisposeAsync();
        }
    }

    internal static async Task<string> IdOfAsync(RedisServer server) => await server.ReadAsync("CLUSTER MYID");

    private async Task<RedisServer?> FindReplicaAsync(RedisServer primary)
    {
        var nodes = await NodesAsync(primary);
        var id = nodes.Single(node => node.Server == primary).Id;
        return nodes.FirstOrDefault(node => node.PrimaryId == id && node.Server.IsRunning)?.Server;
    }

    /// <summary>As one of them sees them; failed ones are left out.</summary>
    private async Task<IReadOnlyList<Node>> NodesAsync(RedisServer asked)
    {
        List<Node> nodes = [];
        foreach (var line in (await asked.ReadAsync("CLUSTER NODES")).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var parts = line.Split(' ');
            var address = parts[1].Split('@')[0];
            var flags = parts[2].Split(',');
            if (!flags.Contains("fail"))
            {
                nodes.Add(new Node(
                    parts[0], _servers.Single(server => server.ConnectionString == address), flags.Contains("master"), parts[3],
                    [.. parts.Skip(8).Where(static range => range[0] != '[').Select(SlotRange.Parse)]));
            }
        }

        return nodes;
    }

    private static async Task RunAsync(string[] arguments)
    {
        var start = new ProcessStartInfo("redis-cli") { RedirectStandardOutput = true, RedirectStandardError = true };
        Array.ForEach(arguments, start.ArgumentList.Add);
        using var process = Process.Start(start)!;
        var said = await Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"redis-cli {string.Join(' ', arguments)}:\n{string.Concat(said)}");
    }

    private sealed record Node(string Id, RedisServer Server, bool IsPrimary, string PrimaryId, IReadOnlyList<SlotRange> Ranges);

    private readonly record struct SlotRange(int First, int Last)
    {
        public static SlotRange Parse(string text)
        {
            var ends = text.Split('-');
            return new SlotRange(int.Parse(ends[0], CultureInfo.InvariantCulture), int.Parse(ends[^1], CultureInfo.InvariantCulture));
        }
    }
}
