using System.Buffers;

namespace Relay.Protocol.Tests.Messages;

public class PooledBufferWriterTests
{
    [Fact]
    public void What_was_written_survives_growing()
    {
        var random = new Random(1);
        var expected = new byte[300_000];
        random.NextBytes(expected);
        using var writer = new PooledBufferWriter(1);

        for (var position = 0; position < expected.Length;)
        {
            var count = Math.Min(random.Next(1, 5000), expected.Length - position);
            writer.Write(expected.AsSpan(position, count));
            position += count;
        }

        Assert.Equal(expected, writer.WrittenSpan.ToArray());
        Assert.Equal(expected, writer.WrittenMemory.ToArray());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(100_000)]
    public void A_span_has_at_least_the_room_that_was_asked_for(int sizeHint)
    {
        using var writer = new PooledBufferWriter(16);
        writer.Advance(writer.GetSpan().Length);

        Assert.InRange(writer.GetSpan(sizeHint).Length, Math.Max(sizeHint, 1), int.MaxValue);
        Assert.InRange(writer.GetMemory(sizeHint).Length, Math.Max(sizeHint, 1), int.MaxValue);
    }

    [Fact]
    public void Clearing_forgets_what_was_written()
    {
        using var writer = new PooledBufferWriter(16);
        writer.Write("abc"u8);

        writer.Clear();

        Assert.True(writer.WrittenSpan.IsEmpty);
    }

    [Fact]
    public void Nobody_can_advance_beyond_the_room_or_back()
    {
        using var writer = new PooledBufferWriter(16);
        var room = writer.GetSpan().Length;

        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Advance(room + 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Advance(-1));
    }

    [Fact]
    public void A_buffer_goes_back_to_the_pool_once()
    {
        var writer = new PooledBufferWriter(16);

        writer.Dispose();
        writer.Dispose();

        Assert.True(writer.WrittenSpan.IsEmpty);
    }
}
