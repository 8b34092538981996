using System.Buffers;
using BenchmarkDotNet.Attributes;
using Relay.Protocol;

namespace Relay.Micro;

/// <summary>The frame that carries an event: canonical text, both signatures, the rest.</summary>
public class WebhookFrameBenchmarks
{
    private static readonly byte[] Head =
        """{"method":"POST","path":"/","query":"","headers":{"content-type":"application/json","user-agent":"GitHub-Hookshot/0000000","x-github-event":"push"}}"""u8.ToArray();

    private ArrayBufferWriter<byte> _output = new();
    private byte[] _canonical = [];
    private byte[] _other = [];
    private byte[] _notJson = [];
    private byte[] _frame = [];

    [Params(1024, 100 * 1024)]
    public int BodyBytes { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _output = new ArrayBufferWriter<byte>(8 * BodyBytes);
        (_canonical, _other, _notJson) = (Samples.CanonicalJson(BodyBytes), Samples.OtherJson(BodyBytes), Samples.NotJson(BodyBytes));
        Write(_canonical);
        _frame = _output.WrittenSpan.ToArray();
    }

    [Benchmark]
    public void WriteCanonicalJson() => Write(_canonical);

    [Benchmark]
    public void WriteOtherJson() => Write(_other);

    [Benchmark]
    public void WriteNotJson() => Write(_notJson);

    [Benchmark]
    public ServerMessage? Read() => Frames.ReadServerMessage(_frame, out _);

    private void Write(byte[] body)
    {
        _output.ResetWrittenCount();
        WebhookFrame.Write(_output, new WebhookParts
        {
            Id = Samples.Event,
            TimestampMs = Samples.TimestampMs,
            Attempt = 1,
            ReceivedAtMs = Samples.TimestampMs,
            Head = Head,
            Body = body,
        }, Samples.Keys);
    }
}
