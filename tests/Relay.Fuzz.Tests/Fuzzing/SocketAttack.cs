using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Relay.Fuzz.Tests.Wire;
using Relay.Protocol;
using Relay.Protocol.Tests.Messages;

namespace Relay.Fuzz.Tests.Fuzzing;

/// <summary>
/// Sends an agent's frames, out of order, hostile and broken, in any fragments. The connection answers or, for what the contract names, closes
/// with the code that it names. Every case ends with a ping that must be answered, or with the close.
/// </summary>
internal sealed class SocketAttack(FuzzWorld world) : IAttack
{
    private static readonly int[] Codes = [1000, 1002, 1007, CloseCodes.ProtocolError, CloseCodes.Unauthorized, CloseCodes.AuthTimeout, CloseCodes.FrameTooLarge, CloseCodes.Replaced, CloseCodes.HeartbeatMissed];
    private static readonly string[] Types = ["webhook", "error", "auth_success", "auth_error", "gap", "probe", "ping", "disconnect"];
    private static readonly byte[][] Corpus = [.. Golden.Names.Select(Golden.Bytes)];
    private static readonly byte[] Mark = "are you there"u8.ToArray();

    private readonly Queue<string> _ids = new();
    private RegisterResponse? _agent;
    private RawWebSocket? _socket;

    public async Task RunAsync(Random random)
    {
        var hostile = new Hostile(random);
        List<byte> sent = [];
        if (_socket is null)
        {
            _agent ??= await FuzzWorld.RegisterAsync(world.Relay);
            _socket = hostile.Chance(20) ? await RawWebSocket.OpenAsync(world.Relay.Url) : await OpenAsync(_agent);
        }

        if (hostile.Chance(5))
        {
            using var _ = await world.Relay.PostAsync(_agent!, hostile.Document("""{"a":[1,"é"]}"""));
        }

        for (var i = random.Next(1, 5); i > 0; i--)
        {
            sent.AddRange(Frames(random, hostile));
        }

        var broken = hostile.Chance(10);
        if (broken)
        {
            sent.AddRange(hostile.Broken(hostile.Broken([.. Frames(random, hostile)])));
        }

        try
        {
            await _socket.SendAsync([.. sent, .. new RawFrame(RawFrame.Ping, Mark).ToBytes()]);
            if (broken)
            {
                // The server may wait for the rest of a frame: there is none.
                _socket.EndSending();
            }
        }
        catch (SocketException)
        {
            // It was closed before all was sent; why is still to be read.
        }

        if (!await IsOpenAsync([.. sent], broken) || broken || hostile.Chance(1))
        {
            Dispose();
        }
    }

    public void Dispose()
    {
        _socket?.Dispose();
        _socket = null;
    }

    /// <summary>The end of the connection before may come while its own auth still claims the agent: then that one is the newest.</summary>
    private async Task<RawWebSocket> OpenAsync(RegisterResponse agent)
    {
        while (true)
        {
            var socket = await RawWebSocket.OpenAsync(world.Relay.Url);
            await socket.SendAsync(RawFrame.OfText($$"""{"type":"auth","api_key":"{{agent.ApiKey}}"}"""));
            var first = (await socket.ReceiveJsonAsync()).GetProperty("type").GetString();
            if (first == "auth_success")
            {
                return socket;
            }

            socket.Dispose();
            Assert.Equal("disconnect", first);
        }
    }

    /// <returns>Whether the ping was answered rather than the connection ended.</returns>
    private async Task<bool> IsOpenAsync(byte[] sent, bool broken)
    {
        try
        {
            while (await _socket!.ReceiveAsync() is { } frame)
            {
                switch (frame.Opcode)
                {
                    case RawFrame.Text:
                        Read(frame, sent);
                        break;
                    case RawFrame.Close when !Codes.Contains(frame.CloseCode):
                        throw new FuzzFault($"Closed with {frame.CloseCode} {Encoding.UTF8.GetString(frame.Payload.AsSpan(2))}", sent);
                    case RawFrame.Close:
                        return false;
                    case RawFrame.Pong when frame.Payload.AsSpan().SequenceEqual(Mark):
                        return true;
                    default:
                        break;
                }
            }

            // Half a frame may be taken for another, whatever it is; but what was sent whole is answered or closed with a reason.
            return broken ? false : throw new FuzzFault("The connection ended without a close frame.", sent);
        }
        catch (OperationCanceledException)
        {
            throw new FuzzFault("A ping was not answered.", sent);
        }
    }

    private void Read(RawFrame frame, byte[] sent)
    {
        var message = Utf8.IsValid(frame.Payload) ? JsonElement.Parse(frame.Payload, new JsonDocumentOptions { MaxDepth = 10_000 }) : default;
        if (message.ValueKind != JsonValueKind.Object || !Types.Contains(message.GetProperty("type").GetString()))
        {
            throw new FuzzFault($"The server sent {frame.PayloadText}", sent);
        }

        if (message.GetProperty("type").GetString() == "webhook")
        {
            _ids.Enqueue(message.GetProperty("id").GetString()!);
        }
    }

    private IEnumerable<byte> Frames(Random random, Hostile hostile)
    {
        var payload = hostile.Chance(50) ? new FrameMutator(random, Corpus).Next() : hostile.Document(Message(random, hostile));
        if (hostile.Chance(1))
        {
            payload = new byte[random.Next(3 * FuzzWorld.MaxBodyBytes)];
        }

        var frames = RawFrame.Fragments([.. payload.Chunk(hostile.Chance(70) ? int.MaxValue : random.Next(1, 1 + payload.Length)).DefaultIfEmpty([])]).ToList();
        if (hostile.Chance(5))
        {
            frames[0] = frames[0] with { Opcode = RawFrame.Binary };
        }

        if (hostile.Chance(10))
        {
            frames.Insert(random.Next(frames.Count), new RawFrame(hostile.Any([RawFrame.Ping, RawFrame.Pong]), [.. payload.Take(125)]));
        }

        return frames.SelectMany(static frame => frame.ToBytes());
    }

    private string Message(Random random, Hostile hostile)
    {
        var id = _ids.Count > 0 && hostile.Chance(70) ? _ids.Dequeue() : $"evt_{random.NextInt64():x32}";
        return random.Next(9) switch
        {
            0 => $$"""{"type":"ack","id":"{{id}}","ids":["{{id}}","x"],"timestamp":1}""",
            1 => $$"""{"type":"nack","id":"{{id}}","reason":"é","retry_after_ms":0,"dead_letter":false}""",
            2 => $$"""{"type":"extend","id":"{{id}}"}""",
            3 => $$"""{"type":"reply","id":"{{id}}","status":200,"headers":{"x-a":"b"},"body":"x"}""",
            4 => $$"""{"type":"reply","id":"{{id}}","status":200,"headers":{"location":"/"},"body_base64":"AA=="}""",
            5 => $$"""{"type":"auth","relay_id":"","api_key":"{{_agent!.ApiKey}}","version":"1","max_in_flight":4}""",
            6 => $$"""{"type":"auth","relay_id":"{{world.Open.RelayId}}","api_key":"sk_x"}""",
            7 => """{"type":"pong","timestamp":1}""",
            _ => $$"""{"type":"webhook","id":"{{id}}","payload":{},"timestamp":1}""",
        };
    }
}
