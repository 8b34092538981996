using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Relay.Bench.Load;

/// <summary>
/// One connection that posts one event after another: the request is made once, the answer is read to its end and only its status is
/// looked at, so that what is measured is the server. One caller.
/// </summary>
internal sealed class Poster : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly byte[] _answer = new byte[16 << 10];
    private readonly byte[] _request;
    private readonly int _number;
    private int _answered;
    private readonly int? _key;

    private Poster(Target target, byte[] body, bool hasKeys)
    {
        var key = hasKeys ? "X-GitHub-Delivery: 00000000-0000-0000-0000-000000000000\r\n" : "";
        var head = Encoding.ASCII.GetBytes(string.Create(
            CultureInfo.InvariantCulture,
            $"POST {target.Post.PathAndQuery} HTTP/1.1\r\nHost: {target.Post.Authority}\r\nContent-Type: application/json\r\nUser-Agent: bench\r\nX-GitHub-Event: issues\r\n{key}Content-Length: {body.Length}\r\n\r\n"));
        _request = [.. head, .. body];
        _number = head.Length + EventBody.Find(body);
        _key = hasKeys ? head.AsSpan().IndexOf("00000000-"u8) : null;
    }

    /// <param name="target">Where to.</param>
    /// <param name="body">The event.</param>
    /// <param name="hasKeys">Whether each event has an idempotency key of its own, as GitHub's have.</param>
    public static async Task<Poster> ConnectAsync(Target target, byte[] body, bool hasKeys = false)
    {
        var poster = new Poster(target, body, hasKeys);
        await poster._socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, target.Post.Port));
        return poster;
    }

    /// <summary>The last, with its headers.</summary>
    public string Answer => Encoding.ASCII.GetString(_answer, 0, _answered);

    /// <summary>From now on it posts to another address of the same server and the same length.</summary>
    public void Aim(Target target) => Encoding.ASCII.GetBytes(target.Post.PathAndQuery, _request.AsSpan("POST ".Length));

    /// <exception cref="InvalidOperationException">The answer was not 2xx.</exception>
    public async ValueTask PostAsync(int number)
    {
        EventBody.Write(_request.AsSpan(_number, EventBody.Digits), number);
        if (_key is { } key)
        {
            Guid.NewGuid().TryFormat(_request.AsSpan(key), out _);
        }

        await _socket.SendAsync(_request);
        var length = 0;
        do
        {
            var received = await _socket.ReceiveAsync(_answer.AsMemory(length));
            length += received > 0 ? received : throw new InvalidOperationException("The server closed the connection.");
        }
        while (!IsWhole(_answer.AsSpan(0, length)));
        _answered = length;
        if (!_answer.AsSpan().StartsWith("HTTP/1.1 2"u8))
        {
            throw new InvalidOperationException("Refused: " + Answer);
        }
    }

    public void Dispose() => _socket.Dispose();

    private static bool IsWhole(ReadOnlySpan<byte> answer) =>
        HttpMessage.Length(answer) is { } length ? answer.Length >= length : answer.EndsWith("\r\n0\r\n\r\n"u8);
}
