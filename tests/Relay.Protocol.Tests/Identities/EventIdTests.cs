using System.Text;

namespace Relay.Protocol.Tests.Identities;

public class EventIdTests
{
    [Theory]
    [InlineData("evt_00000000000000000000000000000000")]
    [InlineData("evt_0190a1b2c3d40000feedfacecafebeef")]
    [InlineData("evt_ffffffffffffffffffffffffffffffff")]
    public void Text_and_bytes_lead_back_to_the_same_id(string text)
    {
        Assert.True(EventId.TryParse(text, out var id));
        var utf8 = new byte[EventId.TextLength];
        id.Format(utf8);

        Assert.Equal(text, id.ToString());
        Assert.Equal(text, Encoding.ASCII.GetString(utf8));
        Assert.Equal(EventId.ByteLength, id.ToBytes().Length);
        Assert.Equal(text[4..], Convert.ToHexStringLower(id.ToBytes()));
        Assert.Equal(id, EventId.FromBytes(id.ToBytes()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("evt_")]
    [InlineData("evt_0190a1b2c3d40000feedfacecafebee")]
    [InlineData("evt_0190a1b2c3d40000feedfacecafebeef0")]
    [InlineData("evt_0190A1B2C3D40000FEEDFACECAFEBEEF")]
    [InlineData("evt_0190a1b2c3d40000feedfacecafebeeg")]
    [InlineData("EVT_0190a1b2c3d40000feedfacecafebeef")]
    [InlineData("prb_0190a1b2c3d40000feedfacecafebeef")]
    [InlineData("evt_+190a1b2c3d40000feedfacecafebeef")]
    [InlineData("evt_ 190a1b2c3d40000feedfacecafebeef")]
    [InlineData("evt_0190a1b2c3d40000feedfacecafebee\0")]
    public void Anything_else_is_no_id(string text)
    {
        Assert.False(EventId.TryParse(text, out var id));
        Assert.Equal(default, id);
    }

    [Fact]
    public void Null_text_is_no_id() => Assert.False(EventId.TryParse((string?)null, out _));

    [Fact]
    public void Ids_their_texts_and_their_bytes_sort_alike()
    {
        var random = new Random(1);
        var ids = Enumerable.Range(0, 500)
            .Select(_ => new EventId(new UInt128((ulong)random.NextInt64(long.MinValue, long.MaxValue), (ulong)random.NextInt64(long.MinValue, long.MaxValue))))
            .ToList();

        var sorted = ids.Order().ToList();

        Assert.Equal(sorted, ids.OrderBy(id => id.ToString(), StringComparer.Ordinal));
        Assert.Equal(sorted, ids.OrderBy(id => id.ToBytes(), Comparer<byte[]>.Create((a, b) => a.AsSpan().SequenceCompareTo(b))));
        Assert.All(sorted.Zip(sorted.Skip(1)), pair =>
        {
            Assert.True(pair.First < pair.Second && pair.First <= pair.Second);
            Assert.True(pair.Second > pair.First && pair.Second >= pair.First);
        });
    }

    [Fact]
    public void The_high_bits_decide_the_order() => Assert.True(new EventId(new UInt128(1, 0)) > new EventId(new UInt128(0, ulong.MaxValue)));
}
