using Microsoft.AspNetCore.Http;
using Relay.Server.Http;

namespace Relay.Server.Tests.Ingest;

public sealed class BoundedBodyTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(64 << 10)]
    [InlineData((64 << 10) + 1)]
    [InlineData(1_000_000)]
    public async Task A_body_of_the_announced_length_is_read_as_it_came(int length)
    {
        var bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        var (body, tooLarge) = await ReadAsync(new Source(bytes), length);

        Assert.False(tooLarge);
        Assert.Equal(bytes, body);
    }

    [Fact]
    public async Task Memory_grows_with_what_comes_and_not_with_what_is_announced()
    {
        var source = new Source(new byte[10]);

        await Assert.ThrowsAsync<EndOfStreamException>(() => ReadAsync(source, length: 1 << 20));
        Assert.InRange(source.LargestBuffer, 10, 64 << 10);
    }

    private static async Task<(byte[] Body, bool TooLarge)> ReadAsync(Stream body, long length)
    {
        var request = new DefaultHttpContext().Request;
        (request.Body, request.ContentLength) = (body, length);
        return await BoundedBody.ReadAsync(request, maxBytes: 1 << 20, CancellationToken.None);
    }

    /// <summary>Gives its bytes in pieces, and notes how much room it was offered.</summary>
    private sealed class Source(byte[] bytes) : MemoryStream(bytes)
    {
        public int LargestBuffer { get; private set; }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            LargestBuffer = Math.Max(LargestBuffer, buffer.Length);
            return base.ReadAsync(buffer[..Math.Min(buffer.Length, 10_000)], cancellationToken);
        }
    }
}
