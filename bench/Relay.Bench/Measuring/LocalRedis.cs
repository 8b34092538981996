using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Relay.Bench.Measuring;

/// <summary>A redis-server of its own on a free port, in a temporary folder.</summary>
internal sealed class LocalRedis : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("relay-bench-").FullName;

    private LocalRedis(int port) => Port = port;

    public int Port { get; }

    public Child Process { get; private set; } = null!;

    public string ConnectionString => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{Port}");

    /// <param name="fsync"><c>no</c>: nothing is written to disk; <c>everysec</c> or <c>always</c>: appendfsync.</param>
    public static async Task<LocalRedis> StartAsync(string fsync)
    {
        var redis = new LocalRedis(FreePort());
        string[] persistence = fsync == "no" ? ["--appendonly", "no"] : ["--appendonly", "yes", "--appendfsync", fsync, "--auto-aof-rewrite-percentage", "0"];
        redis.Process = await Child.StartAsync(
            "redis", "redis-server",
            ["--port", redis.Port.ToString(CultureInfo.InvariantCulture), "--dir", redis._folder, "--save", "", "--maxmemory-policy", "noeviction", .. persistence],
            [], "Ready to accept connections");
        return redis;
    }

    /// <summary>What its answer to a write is worth.</summary>
    public static string Promise(string fsync) => fsync switch
    {
        "always" => "fsynced by Redis, in groups, before it is answered",
        "everysec" => "in Redis's memory when it is answered, fsynced within a second or two",
        _ => "in Redis's memory and nowhere else",
    };

    public static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    public async ValueTask DisposeAsync()
    {
        await Process.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
