using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Relay.Tests.Shared;

/// <summary>
/// Passes TCP connections on, until it cuts them (both ends see a reset, without a word) or stalls them (neither end sees anything of
/// the other again, nor its end: a half-open socket). What connects later passes. Of several targets each connection gets the next in turn
/// that takes it, as from a proxy before several nodes.
/// </summary>
internal sealed class CutProxy : IAsyncDisposable
{
    private readonly Uri[] _targets;
    private readonly TcpListener _listener;
    private readonly ConcurrentQueue<Line> _lines = new();
    private readonly Task _accepting;

    private int _next;

    public CutProxy(params Uri[] targets) : this(IPAddress.Loopback, targets)
    {
    }

    /// <param name="address">Where it listens.</param>
    /// <param name="targets">Where connections are passed on to.</param>
    public CutProxy(IPAddress address, params Uri[] targets)
    {
        _targets = targets;
        _listener = new TcpListener(address, 0);
        _listener.Start();
        Url = new Uri($"http://{_listener.LocalEndpoint}");
        _accepting = AcceptAsync();
    }

    public Uri Url { get; }

    /// <summary>What connects now is stalled from the start. What is stalled stays so when this ends: it is to be cut then.</summary>
    public bool IsDown { get; set; }

    /// <summary>How long what passes is held up, one way.</summary>
    public TimeSpan Delay { get; set; }

    public void CutAll()
    {
        foreach (var line in _lines)
        {
            line.Dispose();
        }
    }

    public void StallAll()
    {
        foreach (var line in _lines)
        {
            line.Stall();
        }
    }

    /// <summary>The client sees a reset, the server nothing.</summary>
    public void LeaveAllHalfOpen()
    {
        foreach (var line in _lines)
        {
            line.LeaveHalfOpen();
        }
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        await _accepting;
        CutAll();
        await Task.WhenAll(_lines.Select(static line => line.Ended));
    }

    private Uri[] NextTargets()
    {
        var first = _next++ % _targets.Length;
        return [.. _targets[first..], .. _targets[..first]];
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _lines.Enqueue(new Line(await _listener.AcceptSocketAsync(), this, NextTargets()));
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
        }
    }

    /// <summary>One connection: the socket of the one who connected, and the socket to the target.</summary>
    private sealed class Line : IDisposable
    {
        private readonly CutProxy _proxy;
        private readonly Socket _client;
        private Socket _server = new(SocketType.Stream, ProtocolType.Tcp);
        private volatile bool _stalled;

        public Line(Socket client, CutProxy proxy, Uri[] targets)
        {
            (_client, _proxy, _stalled) = (client, proxy, proxy.IsDown);
            Ended = RunAsync(targets);
        }

        /// <summary>Never faults.</summary>
        public Task Ended { get; }

        /// <summary>Cuts it: both ends see a reset.</summary>
        public void Dispose()
        {
            Reset(_client);
            Reset(_server);
        }

        public void Stall() => _stalled = true;

        public void LeaveHalfOpen()
        {
            Stall();
            Reset(_client);
        }

        private static void Reset(Socket socket)
        {
            try
            {
                socket.LingerState = new LingerOption(true, 0);
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
            {
                // It is gone already.
            }

            socket.Dispose();
        }

        private async Task RunAsync(Uri[] targets)
        {
            foreach (var target in targets)
            {
                try
                {
                    await _server.ConnectAsync(target.Host, target.Port);
                    await Task.WhenAll(PassAsync(_client, _server), PassAsync(_server, _client));
                    return;
                }
                catch (SocketException)
                {
                    // A socket that could not connect connects nowhere.
                    _server.Dispose();
                    _server = new Socket(SocketType.Stream, ProtocolType.Tcp);
                }
                catch (ObjectDisposedException)
                {
                    break;
                }
            }

            Dispose();
        }

        private async Task PassAsync(Socket from, Socket to)
        {
            var buffer = new byte[16 << 10];
            try
            {
                while (await from.ReceiveAsync(buffer) is > 0 and var length)
                {
                    if (_proxy.Delay > TimeSpan.Zero)
                    {
                        await Task.Delay(_proxy.Delay, TimeProvider.System);
                    }

                    if (!_stalled)
                    {
                        await to.SendAsync(buffer.AsMemory(0, length));
                    }
                }

                if (!_stalled)
                {
                    to.Shutdown(SocketShutdown.Send);
                }
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
            {
                // Cut, or one of the ends is gone: the other is to see it too, unless they are not to see each other.
                if (!_stalled)
                {
                    Dispose();
                }
            }
        }
    }
}
