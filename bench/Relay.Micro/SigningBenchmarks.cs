using BenchmarkDotNet.Attributes;
using Relay.Protocol;

namespace Relay.Micro;

public class SigningBenchmarks
{
    private readonly byte[] _id = new byte[EventId.TextLength];
    private readonly byte[] _signature = new byte[RelaySignature.Length];
    private byte[] _body = [];

    [Params(1024, 100 * 1024)]
    public int BodyBytes { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        Samples.Event.Format(_id);
        _body = Samples.CanonicalJson(BodyBytes);
    }

    [Benchmark]
    public void RelaySigning() => RelaySignature.Write(Samples.Keys.ApiKey, Samples.TimestampMs, _body, _signature);

    [Benchmark]
    public void StandardWebhooks() => StandardSignature.Write(Samples.Keys.SigningSecrets[0], _id, Samples.TimestampMs / 1000, _body, _signature);
}
