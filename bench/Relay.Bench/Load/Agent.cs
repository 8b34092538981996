using System.Net.WebSockets;
using System.Text;
using System.Threading.Channels;

namespace Relay.Bench.Load;

/// <summary>
/// An agent that does the least it can: takes each frame's id and number, and acknowledges all that came since the last acknowledgement
/// in one frame. Its own cost is the same for every contender.
/// </summary>
internal sealed class Agent : IAsyncDisposable
{
    private const string Ping = "";
    private readonly ClientWebSocket _socket = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Channel<string> _answers = Channel.CreateBounded<string>(new BoundedChannelOptions(1 << 16) { SingleReader = true });
    private readonly Wire _wire;
    private readonly Action<int> _received;
    private byte[] _buffer = new byte[4 << 10];
    private Task _reading = Task.CompletedTask;
    private Task _answering = Task.CompletedTask;

    private Agent(Wire wire, Action<int> received) => (_wire, _received) = (wire, received);

    /// <param name="target">Where.</param>
    /// <param name="received">Gets the number of each event.</param>
    /// <param name="window">How many unacknowledged events it asks for; null: as many as the server likes.</param>
    public static async Task<Agent> ConnectAsync(Target target, Action<int> received, int? window = null)
    {
        var agent = new Agent(target.Wire, received);
        await agent._socket.ConnectAsync(target.Agent!, agent._stop.Token);
        if (target.Bearer is not null)
        {
            var wanted = window is null ? "" : $",\"max_in_flight\":{window}";
            await agent.SendAsync($"{{\"type\":\"auth\",\"api_key\":\"{target.Bearer}\"{wanted}}}");
        }

        await GreetAsync(agent._socket, target.Wire, agent._stop.Token);
        agent._reading = Task.Run(agent.ReadToEndAsync);
        agent._answering = Task.Run(agent.AnswerAsync);
        return agent;
    }

    /// <summary>Says hello and awaits the answer, where that is the custom.</summary>
    public static async Task GreetAsync(ClientWebSocket socket, Wire wire, CancellationToken cancellation)
    {
        if (wire.Hello is null)
        {
            return;
        }

        await socket.SendAsync(Encoding.ASCII.GetBytes(wire.Hello).AsMemory(), WebSocketMessageType.Text, endOfMessage: true, cancellation);
        var buffer = new byte[1024];
        for (var answer = ""; !answer.Contains(wire.Ready!, StringComparison.Ordinal);)
        {
            var part = await socket.ReceiveAsync(buffer.AsMemory(), cancellation);
            answer += Encoding.ASCII.GetString(buffer.AsSpan(0, part.Count));
        }
    }

    /// <summary>What it got is acknowledged before it goes.</summary>
    public async ValueTask DisposeAsync()
    {
        _answers.Writer.TryComplete();
        _stop.CancelAfter(TimeSpan.FromSeconds(5));
        await _answering.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

        // What comes to the next agent must be new: the server has read the acks before this one's connection is cut.
        await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System);
        await _stop.CancelAsync();
        _socket.Abort();
        await _reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _socket.Dispose();
        _stop.Dispose();
    }

    /// <summary>An agent that ends before it is told to has events that nobody gets: the run fails for that, and this says why.</summary>
    private async Task ReadToEndAsync()
    {
        try
        {
            await ReadAsync();
        }
        catch (Exception exception) when (!_stop.IsCancellationRequested)
        {
            await Console.Error.WriteLineAsync($"An agent ended: {exception}");
        }
    }

    private async Task ReadAsync()
    {
        var length = 0;
        while (true)
        {
            if (length == _buffer.Length)
            {
                Array.Resize(ref _buffer, _buffer.Length * 2);
            }

            var part = await _socket.ReceiveAsync(_buffer.AsMemory(length), _stop.Token);
            length += part.Count;
            if (part.MessageType == WebSocketMessageType.Close)
            {
                throw new InvalidOperationException($"The server closed the agent's connection: {_socket.CloseStatus}, {_socket.CloseStatusDescription}");
            }

            if (part.EndOfMessage)
            {
                Handle(_buffer.AsSpan(0, length));
                length = 0;
            }
        }
    }

    private void Handle(ReadOnlySpan<byte> frame)
    {
        foreach (var range in frame.Split(Wire.End))
        {
            var message = frame[range];
            if (message.StartsWith(_wire.EventStart))
            {
                var id = message[(message.IndexOf(_wire.IdMark) + _wire.IdMark.Length)..];
                _answers.Writer.TryWrite(Encoding.ASCII.GetString(id[..id.IndexOf((byte)'"')]));
                _received(EventBody.Read(message));
            }
            else if (message.StartsWith(_wire.PingStart))
            {
                _answers.Writer.TryWrite(Ping);
            }
        }
    }

    private async Task AnswerAsync()
    {
        var frame = new StringBuilder();
        while (await _answers.Reader.WaitToReadAsync(_stop.Token))
        {
            var (count, isPinged) = (0, false);
            frame.Clear().Append(_wire.AckStart);
            while (count < 256 && _answers.Reader.TryRead(out var id))
            {
                if (id == Ping)
                {
                    isPinged = true;
                    continue;
                }

                frame.Append(count++ == 0 ? "\"" : ",\"").Append(id).Append('"');
            }

            if (count > 0)
            {
                await SendAsync(frame.Append(_wire.AckEnd).ToString());
            }

            if (isPinged)
            {
                await SendAsync(_wire.Pong);
            }
        }
    }

    private async Task SendAsync(string frame) => await _socket.SendAsync(Encoding.UTF8.GetBytes(frame).AsMemory(), WebSocketMessageType.Text, endOfMessage: true, _stop.Token);
}
