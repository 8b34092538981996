using System.Globalization;
using System.Net.Sockets;
using System.Text.Json;
using Relay.Bench.Contenders;
using Relay.Bench.Load;
using Relay.Bench.Measuring;

namespace Relay.Bench.Peers;

/// <summary>
/// A message broker with its vendor's Node client. One Node process is sender and receiver, on a connection each: <c>broker.mjs</c> publishes,
/// waits for the broker's confirmation, and acknowledges each message it gets; an event is done when it was confirmed and its
/// acknowledgement was sent. So the load and the clock are Node's, in the same shape as <see cref="Loads"/>.
/// </summary>
/// <param name="name">In the tables, and of the script that knows its client.</param>
/// <param name="program">The server's program.</param>
/// <param name="package">Debian's package with it.</param>
/// <param name="note">See <see cref="Contender.Note"/>.</param>
internal abstract class Broker(string name, string program, string package, string note) : Contender(name, note)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private Child _node = null!;

    public override Child Server => Processes[0];

    protected int Port { get; private set; }

    /// <summary>The server's program.</summary>
    protected string ServerProgram => Find(program)!;

    /// <summary>Node goes on with its load until it is ended.</summary>
    public override bool Rests => false;

    /// <summary>What begins the address that the client connects to.</summary>
    protected abstract string Scheme { get; }

    public override async Task<string?> FindMissingAsync() =>
        Find(program) is null ? $"install {program} (Debian: apt-get install {package}, and stop its service)" : await Installed.FindMissingNodeAsync();

    public sealed override async Task StartAsync()
    {
        Port = LocalRedis.FreePort();
        await StartServerAsync(Own(new TemporaryFolder()));
        await WhenListeningAsync();
        var url = string.Create(CultureInfo.InvariantCulture, $"{Scheme}://127.0.0.1:{Port}");
        _node = Own(await Child.StartAsync("node", "node", [Path.Combine(Installed.Scripts, "broker.mjs"), Name, url], [], "peer is ready"));
    }

    public override Task<LoadResult> DeliverAsync(byte[] body, int inFlight, TimeSpan duration, Action measured) =>
        MeasureAsync(string.Create(CultureInfo.InvariantCulture, $"deliver {inFlight} {body.Length}"), WarmUp, duration, measured);

    // Node does it itself, where it paces.
    public override Task WarmUpAsync(byte[] body) => Task.CompletedTask;

    public override Task<LoadResult> PaceAsync(byte[] body, double perSecond, int connections, TimeSpan duration, Action measured) =>
        MeasureAsync(string.Create(CultureInfo.InvariantCulture, $"pace {perSecond} {body.Length} {WarmUp.TotalMilliseconds}"), Gate.Settling, duration, measured);

    public override async Task<Task> ConnectIdleAsync(int count, CancellationToken stop)
    {
        await _node.AskAsync(string.Create(CultureInfo.InvariantCulture, $"idle {count}"), stop);
        return Task.CompletedTask;
    }

    /// <param name="folder">Where it keeps everything.</param>
    protected abstract Task StartServerAsync(TemporaryFolder folder);

    protected virtual string? Find(string program) => Installed.Find(program);

    private async Task<LoadResult> MeasureAsync(string command, TimeSpan before, TimeSpan duration, Action measured)
    {
        await _node.AskAsync(command);
        await Task.Delay(before, TimeProvider.System);
        measured();
        await _node.AskAsync("begin");
        await Task.Delay(duration, TimeProvider.System);
        var answer = JsonElement.Parse(await _node.AskAsync("end"));
        measured();
        var latency = new Histogram();
        foreach (var bucket in answer.GetProperty("buckets").EnumerateArray())
        {
            latency.Add(bucket[0].GetInt32(), bucket[1].GetInt64());
        }

        return new LoadResult(answer.GetProperty("events").GetInt64(), answer.GetProperty("seconds").GetDouble(), latency);
    }

    private async Task WhenListeningAsync()
    {
        using var patience = new CancellationTokenSource(Patience);
        while (true)
        {
            using var socket = new TcpClient();
            try
            {
                await socket.ConnectAsync("127.0.0.1", Port, patience.Token);
                return;
            }
            catch (SocketException)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, patience.Token);
            }
        }
    }
}
