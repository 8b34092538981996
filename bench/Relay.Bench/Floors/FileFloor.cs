using System.Collections.Concurrent;
using System.Globalization;
using System.Text;

namespace Relay.Bench.Floors;

/// <summary>A POST is one record in a file, on disk before it is answered; as a relay it is then pushed from memory, and its ack is a record too.</summary>
internal sealed class FileFloor : IAsyncDisposable
{
    private readonly GroupFile _log = new();
    private readonly ConcurrentDictionary<string, byte[]> _unacknowledged = new();
    private FloorSocket? _agent;
    private long _last;

    public static FileFloor Map(WebApplication app, bool delivers)
    {
        var floor = new FileFloor();
        app.MapPost("/in", async (HttpContext context) =>
        {
            var body = await Floor.ReadAsync(context.Request);
            await floor._log.AppendAsync(body);
            context.Response.StatusCode = StatusCodes.Status202Accepted;
            if (delivers)
            {
                await floor.PushAsync(body);
            }
        });
        app.Map("/agent", floor.ServeAsync);
        return floor;
    }

    public ValueTask DisposeAsync() => _log.DisposeAsync();

    private async Task PushAsync(byte[] body)
    {
        var id = Interlocked.Increment(ref _last).ToString(CultureInfo.InvariantCulture);
        _unacknowledged[id] = body;
        if (_agent is { } agent)
        {
            await agent.SendAsync(Encoding.ASCII.GetBytes(id), body);
        }
    }

    private async Task ServeAsync(HttpContext context)
    {
        using var socket = await Floor.UpgradeAsync(context);
        _agent = new FloorSocket(socket, ids =>
        {
            foreach (var id in ids)
            {
                _unacknowledged.TryRemove(id, out _);
                _log.Append(Encoding.ASCII.GetBytes(id));
            }

            return Task.CompletedTask;
        });
        await _agent.RunAsync(context.RequestAborted);
    }
}
