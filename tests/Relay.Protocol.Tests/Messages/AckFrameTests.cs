using System.Text;

namespace Relay.Protocol.Tests.Messages;

/// <summary>Acks are read by hand; the generated reader says what is right.</summary>
public sealed class AckFrameTests
{
    private const int Cases = 50_000;

    [Theory]
    [InlineData("""{"type":"ack","id":"evt_1","timestamp":1767225600123}""")]
    [InlineData("""{"type":"ack","ids":["evt_1","evt_2"]}""")]
    [InlineData("""{"type":"ack","ids":[],"id":"prb_1"}""")]
    [InlineData("""{"type":"ack"}""")]
    [InlineData(""" { "id" : "first", "type" : "nack", "id" : "\u0065vt_1 \ud83d\ude00", "ids" : [ "a" ], "ids":["é"], "type" : "ack" } """)]
    public void What_clients_send_is_read_by_hand(string frame) => AssertSame(Encoding.UTF8.GetBytes(frame), byHand: true);

    [Theory]
    [InlineData("""{"type":"ack","id":null}""")]
    [InlineData("""{"type":"ack","ids":["evt_1",null]}""")]
    [InlineData("""{"type":"ack","ids":["evt_1",["evt_2"]]}""")]
    [InlineData("""{"type":"ack","id":"evt_1","timestamp":1767225600123.75}""")]
    [InlineData("""{"type":"ack","id":"evt_1","new":{}}""")]
    [InlineData("""{"type":"ack","id":"\udc00"}""")]
    [InlineData("""{"type":"ack","id":"evt_1"}{}""")]
    [InlineData("""{"type":"ack","id":"evt_1" """)]
    public void All_else_is_left_to_the_generated_reader(string frame) => AssertSame(Encoding.UTF8.GetBytes(frame), byHand: false);

    [Fact]
    public void Broken_acks_are_read_the_same()
    {
        var mutator = new FrameMutator(new Random(20261121), [Golden.Bytes("ack-one"), Golden.Bytes("ack-many")]);
        for (var i = 0; i < Cases; i++)
        {
            AssertSame(mutator.Next(), byHand: null);
        }
    }

    /// <param name="frame">Whatever it is.</param>
    /// <param name="byHand">Whether it must be read by hand, or must not be; null: either.</param>
    private static void AssertSame(byte[] frame, bool? byHand)
    {
        var ack = AckFrame.TryRead(frame);
        Assert.Equal(byHand ?? ack is not null, ack is not null);
        if (ack is not null)
        {
            var generated = Frames.ReadAck(frame, out _);
            Assert.True(generated is not null, Encoding.UTF8.GetString(frame));
            Assert.Equal((generated.Id, generated.Timestamp), (ack.Id, ack.Timestamp));
            Assert.Equal(generated.Ids, ack.Ids);
        }
    }
}
