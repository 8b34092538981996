using BenchmarkDotNet.Attributes;
using Relay.Protocol;

namespace Relay.Micro;

/// <summary>The frames beside <c>webhook</c> that a server writes.</summary>
public class ServerMessageBenchmarks
{
    private readonly PingMessage _ping = new() { Timestamp = Samples.TimestampMs };
    private readonly ErrorMessage _error = new() { Error = ErrorCodes.UnknownEvent, Message = "No event of this agent with this id.", Timestamp = Samples.TimestampMs };
    private readonly ProbeMessage _probe = new() { Id = "prb_0190a1b2c3d40000feedfacecafebeef" };

    [Benchmark]
    public byte[] WritePing() => Frames.Write(_ping);

    [Benchmark]
    public byte[] WriteProbe() => Frames.Write(_probe);

    [Benchmark]
    public byte[] WriteError() => Frames.Write(_error);
}
