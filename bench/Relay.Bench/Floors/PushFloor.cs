using System.Globalization;
using System.Text;

namespace Relay.Bench.Floors;

/// <summary>Frames over a WebSocket with no queue behind it: as many as <c>/in</c> is told (<c>?events=</c>) wait for whoever connects, all the same.</summary>
internal sealed class PushFloor : IAsyncDisposable
{
    private byte[] _body = [];
    private int _waiting;

    public static PushFloor Map(WebApplication app)
    {
        var floor = new PushFloor();
        app.MapPost("/in", async (HttpContext context) =>
        {
            floor._body = await Floor.ReadAsync(context.Request);
            Interlocked.Increment(ref floor._waiting);
            context.Response.StatusCode = StatusCodes.Status202Accepted;
        });
        app.Map("/agent", floor.ServeAsync);
        return floor;
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private async Task ServeAsync(HttpContext context)
    {
        using var socket = await Floor.UpgradeAsync(context);
        var agent = new FloorSocket(socket, static _ => Task.CompletedTask);
        var pushing = Task.Run(async () =>
        {
            for (var left = Interlocked.Exchange(ref _waiting, 0); left > 0; left--)
            {
                await agent.SendAsync(Encoding.ASCII.GetBytes("evt_" + left.ToString("d32", CultureInfo.InvariantCulture)), _body);
            }
        });
        await agent.RunAsync(context.RequestAborted);
        await pushing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
