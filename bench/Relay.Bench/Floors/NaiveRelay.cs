using System.Text;
using StackExchange.Redis;

namespace Relay.Bench.Floors;

/// <summary>
/// What a good programmer writes in an afternoon: POST, XADD, XREADGROUP, push, XACK and nothing else: no signature, no limit, no retry,
/// no history. One agent.
/// </summary>
internal sealed class NaiveRelay(XaddFloor intake, ConnectionMultiplexer reads, ConnectionMultiplexer acks) : IAsyncDisposable
{
    private const string Stream = "events";
    private const string Group = "agent";

    public static async Task<NaiveRelay> MapAsync(WebApplication app, string redis)
    {
        var relay = new NaiveRelay(XaddFloor.Map(app, redis), XaddFloor.Connect(redis), XaddFloor.Connect(redis));
        await relay.CreateGroupAsync();
        app.Map("/agent", relay.ServeAsync);
        return relay;
    }

    public async ValueTask DisposeAsync()
    {
        await intake.DisposeAsync();
        reads.Dispose();
        acks.Dispose();
    }

    private async Task CreateGroupAsync()
    {
        try
        {
            await acks.GetDatabase().ExecuteAsync("XGROUP", "CREATE", Stream, Group, "$", "MKSTREAM");
        }
        catch (RedisServerException)
        {
            // It is there.
        }
    }

    private async Task ServeAsync(HttpContext context)
    {
        using var socket = await Floor.UpgradeAsync(context);
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        var agent = new FloorSocket(socket, ids => acks.GetDatabase().ExecuteAsync("XACK", [Stream, Group, .. ids]));
        var pushing = PushAsync(agent, ends.Token);
        await agent.RunAsync(ends.Token);
        await ends.CancelAsync();
        await pushing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task PushAsync(FloorSocket agent, CancellationToken ends)
    {
        var database = reads.GetDatabase();
        while (!ends.IsCancellationRequested)
        {
            var answer = await database.ExecuteAsync("XREADGROUP", "GROUP", Group, "one", "COUNT", "100", "BLOCK", "100", "STREAMS", Stream, ">");
            if (answer.IsNull)
            {
                continue;
            }

            foreach (var entry in (RedisResult[])((RedisResult[])((RedisResult[])answer!)[0]!)[1]!)
            {
                var parts = (RedisResult[])entry!;
                await agent.SendAsync(Encoding.ASCII.GetBytes((string)parts[0]!), (byte[])((RedisResult[])parts[1]!)[1]!);
            }
        }
    }
}
