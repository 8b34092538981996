using System.Buffers;
using System.Net.WebSockets;
using System.Text;
using System.Threading.Channels;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Relay.Protocol;
using EventId = Relay.Protocol.EventId;

namespace Relay.Client.Tests;

/// <summary>A relay server that does what the test says, on a real socket of the loopback.</summary>
internal sealed class FakeRelay : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly TimeProvider _time;
    private readonly Channel<FakeConnection> _connections = Channel.CreateBounded<FakeConnection>(100);
    private readonly List<FakeConnection> _all = [];

    private FakeRelay(TimeProvider time)
    {
        _time = time;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _app = builder.Build();
        _app.UseWebSockets(new WebSocketOptions { KeepAliveInterval = TimeSpan.Zero });
        _app.Run(ConnectAsync);
    }

    public ApiKey Key { get; } = ApiKey.New();

    public SigningSecret Secret { get; } = SigningSecret.New();

    public string Url => _app.Urls.First();

    /// <summary>Set: every upgrade is answered with this status instead.</summary>
    public int? RefuseWith { get; set; }

    /// <summary>What answers requests that are no upgrades.</summary>
    public RequestDelegate? Http { get; set; }

    /// <summary>Upgrade requests so far, refused ones too.</summary>
    public int Requests { get; private set; }

    public string? LastPath { get; private set; }

    public static async Task<FakeRelay> StartAsync(TimeProvider time)
    {
        var relay = new FakeRelay(time);
        await relay._app.StartAsync();
        return relay;
    }

    /// <summary>The next connection, nothing said yet.</summary>
    public Task<FakeConnection> AcceptAsync() => _connections.Reader.ReadAsync().AsTask().Soon();

    /// <summary>The next connection, told that it is welcome; it may have something to say at once.</summary>
    public async Task<FakeConnection> WelcomeAsync()
    {
        var connection = await AcceptAsync();
        await connection.ReadAsync<AuthMessage>();
        await connection.WelcomeAsync();
        return connection;
    }

    /// <summary>The next connection; the client, which has nothing to say, knows that it is authenticated.</summary>
    public async Task<FakeConnection> AuthenticateAsync()
    {
        var connection = await WelcomeAsync();
        await connection.PingAsync();
        return connection;
    }

    public async ValueTask DisposeAsync()
    {
        _all.ForEach(connection => connection.Cut());
        await _app.StopAsync();
        await _app.DisposeAsync();
    }

    /// <summary>The webhook frame of an event, signed so long ago.</summary>
    public ReadOnlyMemory<byte> Frame(
        EventId id, byte[] body, int attempt = 1, SigningKeys? keys = null, TimeSpan age = default, TimeSpan? replyWithin = null, string? replayOf = null)
    {
        var now = _time.GetUtcNow();
        var frame = new ArrayBufferWriter<byte>();
        var replay = replayOf is null ? "" : $",\"replay_of\":\"{replayOf}\"";
        WebhookFrame.Write(
            frame,
            new WebhookParts
            {
                Id = id,
                TimestampMs = (now - age).ToUnixTimeMilliseconds(),
                Attempt = attempt,
                ReceivedAtMs = (now - age).ToUnixTimeMilliseconds(),
                Head = Encoding.UTF8.GetBytes(
                    $$$"""{"method":"PUT","path":"/a%20b","query":"x=1","headers":{"content-type":"text/x-test"},"source":{"type":"github","verified":true}{{{replay}}}}"""),
                Body = body,
                ReplyByMs = replyWithin is { } within ? (now + within).ToUnixTimeMilliseconds() : null,
            },
            keys ?? new SigningKeys(Key, [Secret]));
        return frame.WrittenMemory;
    }

    private async Task ConnectAsync(HttpContext context)
    {
        if (!context.WebSockets.IsWebSocketRequest && Http is not null)
        {
            await Http(context);
            return;
        }

        Requests++;
        LastPath = context.Request.Path + context.Request.QueryString;
        if (RefuseWith is { } status)
        {
            context.Response.StatusCode = status;
            return;
        }

        var connection = new FakeConnection(context, await context.WebSockets.AcceptWebSocketAsync(), this);
        _all.Add(connection);
        await _connections.Writer.WriteAsync(connection);
        await connection.PumpAsync();
    }
}

/// <summary>One connection as the server has it.</summary>
internal sealed class FakeConnection(HttpContext context, WebSocket socket, FakeRelay relay)
{
    private readonly Channel<AgentMessage> _received = Channel.CreateBounded<AgentMessage>(10_000);
    private readonly TaskCompletionSource<WebSocketCloseStatus?> _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly IConnectionLifetimeFeature _connection = context.Features.GetRequiredFeature<IConnectionLifetimeFeature>();

    /// <summary>The code with which the agent closed; null if it did without.</summary>
    public Task<WebSocketCloseStatus?> Closed => _closed.Task.Soon();

    public async Task<T> ReadAsync<T>()
        where T : AgentMessage => Assert.IsType<T>(await _received.Reader.ReadAsync().AsTask().Soon());

    /// <summary>All that the agent sends until it closes.</summary>
    public async Task<List<AgentMessage>> ReadToEndAsync()
    {
        var messages = new List<AgentMessage>();
        await Closed;
        while (_received.Reader.TryRead(out var message))
        {
            messages.Add(message);
        }

        return messages;
    }

    /// <summary>Answers once the agent has read all that was sent before.</summary>
    public async Task PingAsync(long timestamp = 1)
    {
        await SendAsync(new PingMessage { Timestamp = timestamp });
        Assert.Equal(timestamp, (await ReadAsync<PongMessage>()).Timestamp);
    }

    public Task WelcomeAsync() => SendAsync(new AuthSuccessMessage
    {
        RelayId = "agt_0123456789abcdef",
        WebhookUrl = "https://relay.test/api/v1/webhook/agt_0123456789abcdef",
        SessionId = "session",
        Pending = 3,
    });

    public Task SendAsync(ServerMessage message) => SendAsync(Frames.Write(message));

    public Task SendAsync(string frame) => SendAsync(Encoding.UTF8.GetBytes(frame));

    public Task SendAsync(ReadOnlyMemory<byte> frame, WebSocketMessageType type = WebSocketMessageType.Text, bool last = true) =>
        socket.SendAsync(frame, type, last, CancellationToken.None).AsTask().Soon();

    /// <summary>Delivers an event; answers its id.</summary>
    public async Task<string> DeliverAsync(
        byte[]? body = null,
        string? id = null,
        int attempt = 1,
        ApiKey? key = null,
        SigningSecret? secret = null,
        TimeSpan age = default,
        TimeSpan? replyWithin = null,
        string? replayOf = null)
    {
        Assert.True(EventId.TryParse(id ?? Ids.Next(), out var eventId));
        var frame = relay.Frame(eventId, body ?? "{}"u8.ToArray(), attempt, new SigningKeys(key ?? relay.Key, [secret ?? relay.Secret]), age, replyWithin, replayOf);
        await SendAsync(frame);
        return eventId.ToString();
    }

    public Task CloseAsync(int code) =>
        socket.CloseOutputAsync((WebSocketCloseStatus)code, "Closed by the test.", CancellationToken.None).Soon();

    /// <summary>Ends the TCP connection without a word.</summary>
    public void Cut() => _connection.Abort();

    public async Task PumpAsync()
    {
        try
        {
            var frame = new byte[2 << 20];
            while (true)
            {
                var length = 0;
                ValueWebSocketReceiveResult result;
                do
                {
                    result = await socket.ReceiveAsync(frame.AsMemory(length), context.RequestAborted);
                    length += result.Count;
                }
                while (!result.EndOfMessage);

                if (result.MessageType == WebSocketMessageType.Close)
                {
                    if (socket.State == WebSocketState.CloseReceived)
                    {
                        await socket.CloseOutputAsync(WebSocketCloseStatus.NormalClosure, null, context.RequestAborted);
                    }

                    _closed.TrySetResult(socket.CloseStatus);
                    return;
                }

                await _received.Writer.WriteAsync(Frames.ReadAgentMessage(frame.AsSpan(0, length), out _)!);
            }
        }
        catch (Exception exception) when (exception is WebSocketException or IOException or OperationCanceledException)
        {
            _closed.TrySetResult(null);
        }
    }
}

/// <summary>Event ids.</summary>
internal static class Ids
{
    private static int _last;

    public static string Next() => new EventId((UInt128)Interlocked.Increment(ref _last)).ToString();
}
