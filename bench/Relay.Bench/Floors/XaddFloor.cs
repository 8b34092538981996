using StackExchange.Redis;

namespace Relay.Bench.Floors;

/// <summary>A POST is one awaited XADD, over four connections as Relay has.</summary>
internal sealed class XaddFloor(ConnectionMultiplexer[] redis) : IAsyncDisposable
{
    private uint _next;

    public static XaddFloor Map(WebApplication app, string redis)
    {
        var floor = new XaddFloor([.. Enumerable.Range(0, 4).Select(_ => Connect(redis))]);
        app.MapPost("/in", async (HttpContext context) =>
        {
            await floor.AddAsync(await Floor.ReadAsync(context.Request));
            context.Response.StatusCode = StatusCodes.Status202Accepted;
        });
        return floor;
    }

    public static ConnectionMultiplexer Connect(string redis)
    {
        var connected = ConnectionMultiplexer.Connect(redis);
#pragma warning disable CS0618 // Newer clients have no other way and mark it obsolete.
        connected.PreserveAsyncOrder = false;
#pragma warning restore CS0618
        return connected;
    }

    public Task<RedisResult> AddAsync(byte[] body) =>
        redis[Interlocked.Increment(ref _next) % redis.Length].GetDatabase().ExecuteAsync("XADD", "events", "*", "body", body);

    public ValueTask DisposeAsync()
    {
        foreach (var one in redis)
        {
            one.Dispose();
        }

        return ValueTask.CompletedTask;
    }
}
