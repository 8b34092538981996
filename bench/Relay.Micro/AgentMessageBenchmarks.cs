using BenchmarkDotNet.Attributes;
using Relay.Protocol;

namespace Relay.Micro;

/// <summary>What a server reads.</summary>
public class AgentMessageBenchmarks
{
    private readonly byte[] _ack = Frames.Write(new AckMessage { Id = Samples.Event.ToString(), Timestamp = Samples.TimestampMs });
    private readonly byte[] _ackOfMany = Frames.Write(new AckMessage { Ids = [.. Enumerable.Repeat(Samples.Event.ToString(), 64)] });
    private readonly byte[] _pong = Frames.Write(new PongMessage { Timestamp = Samples.TimestampMs });

    private readonly byte[] _reply = Frames.Write(new ReplyMessage
    {
        Id = Samples.Event.ToString(),
        Status = 200,
        Headers = new Dictionary<string, string> { ["content-type"] = "application/json" },
        Body = """{"ok":true}""",
    });

    [Benchmark]
    public AgentMessage? ReadAckOfOne() => Frames.ReadAgentMessage(_ack, out _);

    [Benchmark]
    public AgentMessage? ReadAckOf64() => Frames.ReadAgentMessage(_ackOfMany, out _);

    [Benchmark]
    public AgentMessage? ReadReply() => Frames.ReadAgentMessage(_reply, out _);

    [Benchmark]
    public AgentMessage? ReadPong() => Frames.ReadAgentMessage(_pong, out _);
}
