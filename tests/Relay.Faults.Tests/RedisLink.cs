using System.Diagnostics;
using System.Globalization;
using System.Net;

namespace Relay.Faults.Tests;

/// <summary>
/// The network between one node and Redis. Where the machine allows it the node is in a network namespace of its own, with one cable to
/// whoever calls it and one to Redis that is pulled; elsewhere a proxy stands for the cable, and <see cref="Means"/> says so.
/// </summary>
internal sealed class RedisLink : IAsyncDisposable
{
    private static int _last;
    private readonly string? _name;
    private readonly CutProxy _proxy;

    private RedisLink(string? name, string means, IPAddress nodeAddress, CutProxy proxy) =>
        (_name, Means, NodeAddress, _proxy) = (name, means, nodeAddress, proxy);

    /// <summary>What it is made of.</summary>
    public string Means { get; private set; }

    /// <summary>Where the node is to listen.</summary>
    public IPAddress NodeAddress { get; }

    /// <summary>What the node is to be started with.</summary>
    public string[] NodeCommand => _name is null ? [] : ["ip", "netns", "exec", _name];

    public string ConnectionString => _proxy.Url.Authority;

    public static async Task<RedisLink> CreateAsync(RedisServer redis)
    {
        var target = new Uri($"http://{redis.ConnectionString}");
        var number = Interlocked.Increment(ref _last);
        var name = string.Create(CultureInfo.InvariantCulture, $"rl{Environment.ProcessId % 100_000}x{number}");
        var net = string.Create(CultureInfo.InvariantCulture, $"10.{100 + (Environment.ProcessId / 256 % 100)}.{Environment.ProcessId % 256}");
        var (host, node, redisSide, nodeSide) = ($"{net}.{(8 * number) + 1}", $"{net}.{(8 * number) + 2}", $"{net}.{(8 * number) + 5}", $"{net}.{(8 * number) + 6}");
        string[] commands =
        [
            $"netns add {name}",
            $"link add {name}h type veth peer name eth0 netns {name}", $"addr add {host}/30 dev {name}h", $"link set {name}h up",
            $"link add {name}r type veth peer name eth1 netns {name}", $"addr add {redisSide}/30 dev {name}r", $"link set {name}r up",
            $"-n {name} addr add {node}/30 dev eth0", $"-n {name} link set eth0 up", $"-n {name} addr add {nodeSide}/30 dev eth1", $"-n {name} link set eth1 up", $"-n {name} link set lo up",
        ];
        foreach (var command in commands)
        {
            if (await RunAsync("ip", command) is { } refused)
            {
                await RemoveAsync(name);
                return new RedisLink(null, $"a proxy, for this machine allows no network namespaces ({refused})", IPAddress.Loopback, new CutProxy(target));
            }
        }

        return new RedisLink(name, "network namespaces", IPAddress.Parse(node), new CutProxy(IPAddress.Parse(redisSide), target));
    }

    /// <summary>Nothing comes through any more, and nobody is told.</summary>
    public async Task CutAsync()
    {
        if (_name is not null)
        {
            Assert.Null(await RunAsync("ip", $"link set {_name}r down"));
            return;
        }

        _proxy.IsDown = true;
        _proxy.StallAll();
    }

    public async Task HealAsync()
    {
        if (_name is not null)
        {
            Assert.Null(await RunAsync("ip", $"link set {_name}r up"));
            return;
        }

        _proxy.IsDown = false;
        _proxy.CutAll();
    }

    /// <summary>20 ms each way, and one packet in twenty lost if the kernel can.</summary>
    public async Task SlowDownAsync()
    {
        var refused = _name is null ? "no namespace" : await RunAsync("tc", $"qdisc add dev {_name}r root netem delay 20ms loss 5%");
        if (refused is null)
        {
            Means += ", slowed down by tc netem (20 ms, 5 % loss)";
            return;
        }

        _proxy.Delay = TimeSpan.FromMilliseconds(20);
        Means += $", slowed down by a proxy (20 ms, no loss), for tc netem does not work here ({refused})";
    }

    public async ValueTask DisposeAsync()
    {
        await _proxy.DisposeAsync();
        if (_name is not null)
        {
            await RemoveAsync(_name);
        }
    }

    private static async Task RemoveAsync(string name)
    {
        await RunAsync("ip", $"link del {name}h");
        await RunAsync("ip", $"link del {name}r");
        await RunAsync("ip", $"netns del {name}");
    }

    /// <returns>Null: done; else why not.</returns>
    private static async Task<string?> RunAsync(string program, string arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
            var said = await process.StandardError.ReadToEndAsync();
            await process.WaitForExitAsync();
            return process.ExitCode == 0 ? null : said.Split('\n')[0].Trim();
        }
        catch (System.ComponentModel.Win32Exception missing)
        {
            return missing.Message;
        }
    }
}
