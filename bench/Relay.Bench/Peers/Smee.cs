using Relay.Bench.Contenders;
using Relay.Bench.Load;
using Relay.Bench.Measuring;

namespace Relay.Bench.Peers;

/// <summary>
/// What smee.io does: a POST is an event of a stream to whoever listens, and its client posts it to a local address. Nothing is kept or
/// acknowledged; an event is done when it was answered and that local POST came.
/// </summary>
internal sealed class Smee() : Contender("smee", "server-sent events to smee-client, which posts to a local address: nothing is kept, what nobody listens to is lost")
{
    private static readonly HttpClient Http = new(new SocketsHttpHandler { UseProxy = false }) { Timeout = Timeout.InfiniteTimeSpan };
    private Uri _url = null!;

    public override Child Server => Processes[0];

    public override Task<string?> FindMissingAsync() => Installed.FindMissingNodeAsync();

    public override async Task StartAsync()
    {
        _url = new Uri($"http://127.0.0.1:{LocalRedis.FreePort()}/channel");
        Own(await StartAsync("smee", "smee-server.mjs", _url));
        Target = new Target(_url);
    }

    public override async Task<IAsyncDisposable> ConnectAgentAsync(Action<int> received)
    {
        var local = PostSink.Start(received);
        return new Client(this, Own(await StartAsync("smee-client", "smee-client.mjs", _url, local.Url)), local);
    }

    public override async Task<Task> ConnectIdleAsync(int count, CancellationToken stop)
    {
        List<Task> connected = [];
        foreach (var batch in Enumerable.Range(0, count).Chunk(50))
        {
            connected.AddRange(await Task.WhenAll(batch.Select(async _ =>
            {
                var events = await Http.GetStreamAsync(_url, stop);
                return events.CopyToAsync(Stream.Null, stop);
            })));
        }

        return Task.WhenAll(connected);
    }

    private static Task<Child> StartAsync(string name, string script, params Uri[] addresses) =>
        Child.StartAsync(name, "node", [Path.Combine(Installed.Scripts, script), .. addresses.Select(static one => one.ToString())], [("NO_PROXY", "127.0.0.1")], "peer is ready");

    private sealed class Client(Smee smee, Child process, PostSink local) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await smee.EndAsync(process);
            await local.DisposeAsync();
        }
    }
}
