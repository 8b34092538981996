using BenchmarkDotNet.Attributes;
using Relay.Server.Delivery;

namespace Relay.Micro;

public class EventIdBenchmarks
{
    private readonly EventId _id = Samples.Event;
    private readonly byte[] _utf8 = new byte[EventId.TextLength];
    private readonly string _text = Samples.Event.ToString();
    private readonly EventIdSource _source = new(TimeProvider.System);

    [Benchmark]
    public EventId Make() => _source.Next();

    [Benchmark]
    public void Format() => _id.Format(_utf8);

    [Benchmark]
    public string FormatAsString() => _id.ToString();

    [Benchmark]
    public bool Parse() => EventId.TryParse(_text, out _);
}
