using System.Net.WebSockets;

namespace Relay.Bench.Floors;

/// <summary>
/// What contenders are measured against: programs that do one part of a relay's work and nothing else. Each reads the whole body and
/// answers 202; those with <c>/agent</c> push what <see cref="WebhookFrames"/> makes and take acks.
/// </summary>
internal static class Floor
{
    public const string ReadyLine = "floor is ready";

    public static async Task<int> RunAsync(string name, string[] arguments)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.WebHost.ConfigureKestrel(static kestrel => kestrel.AddServerHeader = false);
        builder.WebHost.UseUrls(arguments[0]);
        if (name == "signalr")
        {
            builder.Services.AddSignalR();
        }

        await using var app = builder.Build();
        app.UseWebSockets();
        IAsyncDisposable? floor = name switch
        {
            "bare" => MapBare(app),
            "xadd" => XaddFloor.Map(app, arguments[1]),
            "file" => FileFloor.Map(app, delivers: false),
            "file-relay" => FileFloor.Map(app, delivers: true),
            "naive" => await NaiveRelay.MapAsync(app, arguments[1]),
            "push" => PushFloor.Map(app),
            "through" => ThroughFloor.Map(app),
            "signalr" => SignalRFloor.Map(app),
            "socket" => MapSocket(app),
            _ => throw new ArgumentException($"There is no floor '{name}'."),
        };
        app.Lifetime.ApplicationStarted.Register(static () => Console.WriteLine(ReadyLine));
        await app.RunAsync();
        if (floor is not null)
        {
            await floor.DisposeAsync();
        }

        return 0;
    }

    public static async Task<byte[]> ReadAsync(HttpRequest request)
    {
        var body = new byte[(int)(request.ContentLength ?? 0)];
        await request.Body.ReadExactlyAsync(body);
        return body;
    }

    public static Task<WebSocket> UpgradeAsync(HttpContext context) =>
        context.WebSockets.AcceptWebSocketAsync(new WebSocketAcceptContext { KeepAliveInterval = Timeout.InfiniteTimeSpan });

    /// <summary>A WebSocket that does nothing but wait, without a buffer while it does.</summary>
    private static IAsyncDisposable? MapSocket(WebApplication app)
    {
        app.Map("/agent", static async (HttpContext context) =>
        {
            using var socket = await UpgradeAsync(context);
            while (socket.State == WebSocketState.Open)
            {
                await socket.ReceiveAsync(Memory<byte>.Empty, context.RequestAborted);
                var buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(4096);
                await socket.ReceiveAsync(buffer.AsMemory(), context.RequestAborted);
                System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
            }
        });
        return null;
    }

    private static IAsyncDisposable? MapBare(WebApplication app)
    {
        app.MapPost("/in", static async (HttpContext context) =>
        {
            await ReadAsync(context.Request);
            context.Response.StatusCode = StatusCodes.Status202Accepted;
        });
        return null;
    }
}
