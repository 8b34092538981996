using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Relay.Tests.Shared;

/// <summary>
/// A real redis-server on a free loopback port, its data in a temporary folder, every write fsynced. It ends with this object, and when the
/// test's process dies: a shell between the two kills it as soon as its own input ends.
/// </summary>
internal sealed class RedisServer : IAsyncDisposable
{
    private const string Program = "redis-server";

    /// <summary>Nodes of a cluster talk to each other on their port and this many more.</summary>
    private const int ClusterBusOffset = 10_000;

    /// <summary>Passes signals, one a line, to Redis, says when it has, and is gone when Redis is.</summary>
    private const string Keeper = """
        redis-server "$@" </dev/null & pid=$!
        while read -r signal || signal=KILL; do
            kill -"$signal" $pid && echo signalled
            case $signal in TERM|KILL) break ;; esac
        done
        wait $pid
        """;

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);
    private readonly string _folder = Directory.CreateTempSubdirectory("relay-redis-").FullName;
    private readonly SemaphoreSlim _signalled = new(0);
    private Process? _keeper;

    private RedisServer(int port) => Port = port;

    public int Port { get; }

    /// <summary>Free for a second door, of TLS.</summary>
    public int TlsPort => Port + ClusterBusOffset;

    public string ConnectionString => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{Port}");

    public bool IsRunning => _keeper is not null;

    /// <summary>A server that runs.</summary>
    public static async Task<RedisServer> StartAsync(params string[] settings)
    {
        var server = NotStarted();
        await server.RestartAsync(settings);
        return server;
    }

    /// <summary>A Sentinel that watches a primary and, with the other of two that agree, replaces it when it has been dead for a second.</summary>
    public static async Task<RedisServer> StartSentinelAsync(string service, RedisServer primary)
    {
        var server = NotStarted();
        var file = Path.Combine(server._folder, "sentinel.conf");
        await File.WriteAllTextAsync(file, string.Create(CultureInfo.InvariantCulture, $"""
            port {server.Port}
            bind 127.0.0.1
            sentinel monitor {service} 127.0.0.1 {primary.Port} 2
            sentinel down-after-milliseconds {service} 1000
            sentinel failover-timeout {service} 2000

            """));
        await server.RestartAsync("+PONG", [file, "--sentinel"]);
        return server;
    }

    /// <summary>A port on which nothing listens yet.</summary>
    public static RedisServer NotStarted()
    {
        while (true)
        {
            using var probe = new TcpListener(IPAddress.Loopback, 0);
            probe.Start();
            var port = ((IPEndPoint)probe.LocalEndpoint).Port;
            if (port + ClusterBusOffset <= IPEndPoint.MaxPort)
            {
                return new RedisServer(port);
            }
        }
    }

    /// <summary>Starts it on its port and its data, and waits until it answers.</summary>
    /// <param name="settings">Further arguments, such as <c>--cluster-enabled yes</c>.</param>
    public Task RestartAsync(params string[] settings) => RestartAsync("+PONG", [.. Data, .. settings]);

    /// <summary>Starts it and waits until it says that it is loading.</summary>
    public Task RestartAndLoadAsync(params string[] settings) => RestartAsync("-LOADING", [.. Data, .. settings]);

    /// <summary>Ends it as an operator does.</summary>
    public Task StopAsync() => EndAsync("TERM");

    /// <summary>Ends it as a crash does.</summary>
    public Task KillAsync() => EndAsync("KILL");

    /// <summary>Makes it hang: it runs no more, its connections stay.</summary>
    public Task FreezeAsync() => SignalAsync("STOP");

    public Task ThawAsync() => SignalAsync("CONT");

    public async Task SetAsync(string setting, string value) => Assert.Equal("+OK", await SendAsync($"CONFIG SET {setting} {value}"));

    /// <summary>Sends one command without spaces in its arguments; answers the first line of the answer.</summary>
    public Task<string> SendAsync(string command) => AskAsync(command, static (reader, limit) => reader.ReadLineAsync(limit).AsTask());

    /// <summary>Sends one command that is answered with text, such as <c>INFO replication</c>; answers the text, or what else it answers.</summary>
    public Task<string> ReadAsync(string command) => AskAsync(command, static async (reader, limit) =>
    {
        var first = await reader.ReadLineAsync(limit) ?? "";
        if (!first.StartsWith('$'))
        {
            return first; // It is loading, or has just cut everyone off.
        }

        var text = new char[int.Parse(first.AsSpan(1), CultureInfo.InvariantCulture)];
        await reader.ReadBlockAsync(text, limit);
        return new string(text);
    });

    /// <summary>Sends one command that is answered with a list of texts without line ends.</summary>
    public async Task<string[]> ListAsync(string command) => (await AskAsync(command, static async (reader, limit) =>
    {
        var lines = new string[2 * int.Parse((await reader.ReadLineAsync(limit) ?? "*0").AsSpan(1), CultureInfo.InvariantCulture)];
        for (var i = 0; i < lines.Length; i++)
        {
            lines[i] = await reader.ReadLineAsync(limit) ?? "";
        }

        return string.Join('\n', lines.Where(static (_, place) => place % 2 == 1));
    })).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private async Task<string> AskAsync(string command, Func<StreamReader, CancellationToken, Task<string?>> read)
    {
        using var limit = new CancellationTokenSource(Timeout);
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, Port, limit.Token);
        await using var stream = client.GetStream();
        await stream.WriteAsync(Encoding.UTF8.GetBytes(command + "\r\n"), limit.Token);
        using var reader = new StreamReader(stream);
        return await read(reader, limit.Token) ?? "";
    }

    /// <summary>One that changes its role cuts everyone off: it is asked again.</summary>
    public async Task<bool> IsPrimaryAsync()
    {
        try
        {
            return (await ReadAsync("INFO replication")).Contains("role:master", StringComparison.Ordinal);
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>Makes it a replica, and waits until it follows.</summary>
    public async Task FollowAsync(RedisServer primary)
    {
        Assert.StartsWith("+OK", await SendAsync($"REPLICAOF 127.0.0.1 {primary.Port}"), StringComparison.Ordinal);
        for (var waited = Stopwatch.StartNew(); !(await ReadAsync("INFO replication")).Contains("master_link_status:up", StringComparison.Ordinal);)
        {
            Assert.True(waited.Elapsed < Timeout, $"The replica on port {Port} does not follow.");
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System);
        }
    }

    /// <summary>Waits until a replica has all that this one has been told until now.</summary>
    public async Task WhenReplicatedAsync(RedisServer replica)
    {
        var told = await OffsetAsync("master_repl_offset");
        for (var waited = Stopwatch.StartNew(); await replica.OffsetAsync("slave_repl_offset") < told;)
        {
            Assert.True(waited.Elapsed < Timeout, $"The replica on port {replica.Port} does not follow.");
            await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System);
        }
    }

    /// <summary>What it has on disk: the append-only file, all that it was told.</summary>
    public byte[] ReadFiles() => [.. Directory.EnumerateFiles(_folder, "*", SearchOption.AllDirectories).SelectMany(File.ReadAllBytes)];

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        _signalled.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private string[] Data =>
    [
        "--port", Port.ToString(CultureInfo.InvariantCulture), "--bind", "127.0.0.1", "--dir", _folder, "--save", "",
        "--appendonly", "yes", "--appendfsync", "always",
    ];

    private async Task RestartAsync(string answer, string[] settings)
    {
        await KillAsync();
        var start = new ProcessStartInfo("/bin/sh") { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        string[] arguments = ["-c", Keeper, Program, .. settings];
        Array.ForEach(arguments, start.ArgumentList.Add);

        var log = new StringBuilder();
        var keeper = _keeper = Process.Start(start)!;
        keeper.OutputDataReceived += (_, line) =>
        {
            Note(log, line.Data);
            if (line.Data == "signalled")
            {
                _signalled.Release();
            }
        };
        keeper.ErrorDataReceived += (_, line) => Note(log, line.Data);
        keeper.BeginOutputReadLine();
        keeper.BeginErrorReadLine();

        for (var waited = Stopwatch.StartNew(); ;)
        {
            try
            {
                if ((await SendAsync("PING")).StartsWith(answer, StringComparison.Ordinal) || settings.Contains("--requirepass"))
                {
                    return;
                }
            }
            catch (Exception error) when (error is SocketException or IOException)
            {
            }

            string said;
            lock (log)
            {
                said = log.ToString();
            }

            if (said.Contains("not found", StringComparison.Ordinal) && !said.Contains(Program + " is starting", StringComparison.OrdinalIgnoreCase))
            {
                throw new InvalidOperationException("These tests run a real Redis, and redis-server is not installed: apt-get install redis-server");
            }

            if (waited.Elapsed > Timeout)
            {
                throw new TimeoutException($"redis-server did not start on port {Port}:\n{said}");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System);
        }
    }

    /// <returns>-1: it does not say, being no replica for instance.</returns>
    private async Task<long> OffsetAsync(string name)
    {
        var line = (await ReadAsync("INFO replication")).Split("\r\n").FirstOrDefault(line => line.StartsWith(name + ":", StringComparison.Ordinal));
        return line is null ? -1 : long.Parse(line.AsSpan(name.Length + 1), CultureInfo.InvariantCulture);
    }

    private static void Note(StringBuilder log, string? line)
    {
        lock (log)
        {
            log.AppendLine(line);
        }
    }

    private async Task EndAsync(string signal)
    {
        if (Interlocked.Exchange(ref _keeper, null) is not { } keeper)
        {
            return;
        }

        using (keeper)
        using (var limit = new CancellationTokenSource(Timeout))
        {
            try
            {
                await keeper.StandardInput.WriteLineAsync(signal);
                keeper.StandardInput.Close();
            }
            catch (IOException)
            {
                // It is gone already.
            }

            await keeper.WaitForExitAsync(limit.Token);
        }
    }

    private async Task SignalAsync(string signal)
    {
        while (_signalled.Wait(0))
        {
        }

        await _keeper!.StandardInput.WriteLineAsync(signal);
        await _keeper.StandardInput.FlushAsync();
        Assert.True(await _signalled.WaitAsync(Timeout), $"redis-server did not get {signal}.");
    }
}
