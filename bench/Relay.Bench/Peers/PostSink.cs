using System.Net;
using System.Net.Sockets;
using Relay.Bench.Load;

namespace Relay.Bench.Peers;

/// <summary>Takes POSTs and answers 200: the least that is an HTTP server, as <see cref="Poster"/> is the least that is a client.</summary>
internal sealed class PostSink : IAsyncDisposable
{
    private static readonly byte[] Answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"u8.ToArray();
    private readonly CancellationTokenSource _stop = new();
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly Action<int> _received;
    private Task _running = Task.CompletedTask;

    private PostSink(Action<int> received) => _received = received;

    public Uri Url => new($"http://{_listener.LocalEndPoint}/");

    /// <param name="received">Gets the number of each event.</param>
    public static PostSink Start(Action<int> received)
    {
        var sink = new PostSink(received);
        sink._listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        sink._listener.Listen(512);
        sink._running = sink.AcceptAsync();
        return sink;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        List<Task> connections = [];
        try
        {
            while (true)
            {
                connections.Add(ServeAsync(await _listener.AcceptAsync(_stop.Token)));
            }
        }
        finally
        {
            await Task.WhenAll(connections).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        using var _ = socket;
        socket.NoDelay = true;
        var buffer = new byte[16 << 10];
        var length = 0;
        while (await socket.ReceiveAsync(buffer.AsMemory(length), _stop.Token) is > 0 and var part)
        {
            length += part;
            if (HttpMessage.Length(buffer.AsSpan(0, length)) is { } whole && length >= whole)
            {
                _received(EventBody.Read(buffer.AsSpan(0, length)));
                length = 0;
                await socket.SendAsync(Answer, _stop.Token);
            }
            else if (length == buffer.Length)
            {
                Array.Resize(ref buffer, buffer.Length * 2);
            }
        }
    }
}
