using System.Collections.Concurrent;
using System.Globalization;
using System.Text;

namespace Relay.Bench.Floors;

/// <summary>Each POST goes at once to the agent that its address names, and nothing is kept: what the sockets of many agents cost by themselves.</summary>
internal sealed class ThroughFloor
{
    private readonly ConcurrentDictionary<string, FloorSocket> _agents = new();
    private long _last;

    public static IAsyncDisposable? Map(WebApplication app)
    {
        var floor = new ThroughFloor();
        app.MapPost("/in/{agent}", floor.PassOnAsync);
        app.Map("/agent/{agent}", floor.ServeAsync);
        return null;
    }

    private async Task PassOnAsync(HttpContext context)
    {
        var body = await Floor.ReadAsync(context.Request);
        var id = "evt_" + Interlocked.Increment(ref _last).ToString("d32", CultureInfo.InvariantCulture);
        await _agents[AgentOf(context)].SendAsync(Encoding.ASCII.GetBytes(id), body);
        context.Response.StatusCode = StatusCodes.Status202Accepted;
    }

    private async Task ServeAsync(HttpContext context)
    {
        using var socket = await Floor.UpgradeAsync(context);
        var agent = _agents[AgentOf(context)] = new FloorSocket(socket, static _ => Task.CompletedTask);
        await agent.RunAsync(context.RequestAborted);
    }

    private static string AgentOf(HttpContext context) => (string)context.Request.RouteValues["agent"]!;
}
