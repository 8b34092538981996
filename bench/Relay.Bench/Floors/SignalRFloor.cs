using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.SignalR;

namespace Relay.Bench.Floors;

/// <summary>What a SignalR hub does with an event: it is sent to whoever is connected, the agent invokes <c>Ack</c>, and nothing is kept.</summary>
internal sealed class SignalRFloor : Hub
{
    private static long _last;

    public static IAsyncDisposable? Map(WebApplication app)
    {
        app.MapHub<SignalRFloor>("/agent");
        app.MapPost("/in", static async (HttpContext context, IHubContext<SignalRFloor> hub) =>
        {
            using var payload = JsonDocument.Parse(await Floor.ReadAsync(context.Request));
            var id = Interlocked.Increment(ref _last).ToString(CultureInfo.InvariantCulture);
            await hub.Clients.All.SendAsync("webhook", id, payload.RootElement);
            context.Response.StatusCode = StatusCodes.Status202Accepted;
        });
        return null;
    }

    /// <summary>So that an agent knows from when on it gets events.</summary>
    public override Task OnConnectedAsync() => Clients.Caller.SendAsync("ready");

#pragma warning disable CA1822 // A hub's methods are of the instance.
    public int Ack(string[] ids) => ids.Length;
#pragma warning restore CA1822
}
