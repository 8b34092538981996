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
    private readonly ClientWebSocket _socket = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Channel<string> _acks = Channel.CreateBounded<string>(new BoundedChannelOptions(1 << 16) { SingleReader = true });
    private readonly Action<int> _received;
    private Task _running = Task.CompletedTask;

    private Agent(Action<int> received) => _received = received;

    public static async Task<Agent> ConnectAsync(Target target, Action<int> received, int? window = null)
    {
        var agent = new Agent(received);
        if (target.Bearer is not null)
        {
            await agent._socket.ConnectAsync(target.Agent!, agent._stop.Token);
            var wanted = window is null ? "" : $",\"max_in_flight\":{window}";
            await agent.SendAsync($"{{\"type\":\"auth\",\"api_key\":\"{target.Bearer}\"{wanted}}}");
        }
        else
        {
            await agent._socket.ConnectAsync(target.Agent!, agent._stop.Token);
        }

        agent._running = Task.WhenAll(Task.Run(agent.ReadAsync), Task.Run(agent.AcknowledgeAsync));
        return agent;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _socket.Abort();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _socket.Dispose();
        _stop.Dispose();
    }

    private async Task ReadAsync()
    {
        var buffer = new byte[1 << 20];
        var length = 0;
        while (true)
        {
            var part = await _socket.ReceiveAsync(buffer.AsMemory(length), _stop.Token);
            length += part.Count;
            if (part.MessageType == WebSocketMessageType.Close)
            {
                throw new InvalidOperationException("The server closed the agent's connection.");
            }

            if (!part.EndOfMessage)
            {
                continue;
            }

            Handle(buffer.AsSpan(0, length));
            length = 0;
        }
    }

    private void Handle(ReadOnlySpan<byte> frame)
    {
        if (frame.StartsWith("{\"type\":\"webhook\""u8))
        {
            var id = frame[(frame.IndexOf("\"id\":\""u8) + 6)..];
            _acks.Writer.TryWrite(Encoding.ASCII.GetString(id[..id.IndexOf((byte)'"')]));
            _received(EventBody.Read(frame));
        }
    }

    private async Task AcknowledgeAsync()
    {
        var frame = new StringBuilder();
        while (await _acks.Reader.WaitToReadAsync(_stop.Token))
        {
            frame.Clear().Append("{\"type\":\"ack\",\"ids\":[");
            for (var count = 0; count < 256 && _acks.Reader.TryRead(out var id); count++)
            {
                frame.Append(count == 0 ? "\"" : ",\"").Append(id).Append('"');
            }

            await SendAsync(frame.Append("]}").ToString());
        }
    }

    private async Task SendAsync(string frame) => await _socket.SendAsync(Encoding.UTF8.GetBytes(frame).AsMemory(), WebSocketMessageType.Text, endOfMessage: true, _stop.Token);
}
