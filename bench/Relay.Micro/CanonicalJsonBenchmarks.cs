using System.Buffers;
using BenchmarkDotNet.Attributes;
using Relay.Protocol;

namespace Relay.Micro;

public class CanonicalJsonBenchmarks
{
    private ArrayBufferWriter<byte> _output = new();
    private byte[] _canonical = [];
    private byte[] _other = [];
    private byte[] _notJson = [];

    [Params(1024, 100 * 1024)]
    public int BodyBytes { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _output = new ArrayBufferWriter<byte>(8 * BodyBytes);
        (_canonical, _other, _notJson) = (Samples.CanonicalJson(BodyBytes), Samples.OtherJson(BodyBytes), Samples.NotJson(BodyBytes));
    }

    [Benchmark]
    public bool Canonical() => Write(_canonical);

    [Benchmark]
    public bool SpacesAndEscapes() => Write(_other);

    [Benchmark]
    public bool NotJson() => Write(_notJson);

    private bool Write(byte[] body)
    {
        _output.ResetWrittenCount();
        return CanonicalJson.TryWrite(body, _output);
    }
}
