using Relay.Server.Connections;

namespace Relay.Server.Tests.Connections;

/// <summary>What is under a WebSocket.</summary>
public sealed class FrameStreamTests : IDisposable
{
    private readonly MemoryStream _sent = new();
    private readonly FrameStream _stream;

    public FrameStreamTests() => _stream = new FrameStream(_sent);

    public void Dispose() => _stream.Dispose();

    [Fact]
    public async Task What_is_written_goes_out_at_once()
    {
        await WriteAsync(1);
        Assert.Equal([1], _sent.ToArray());
    }

    [Fact]
    public async Task Frames_that_are_ready_together_go_out_together_and_in_order()
    {
        _stream.IsCorked = true;
        await WriteAsync(1);
        await WriteAsync(2);
        Assert.Empty(_sent.ToArray());

        _stream.IsCorked = false;
        await WriteAsync(3);
        Assert.Equal([1, 2, 3], _sent.ToArray());
    }

    [Fact]
    public async Task Much_is_not_held()
    {
        _stream.IsCorked = true;
        var much = new byte[40 << 10];
        await _stream.WriteAsync(much);
        await _stream.FlushAsync();
        Assert.Equal(much, _sent.ToArray());
    }

    /// <summary>The framework writes a close frame by itself when the peer breaks the protocol; what comes after it fails.</summary>
    [Fact]
    public async Task A_close_frame_does_not_stay_behind_frames_that_cannot_follow()
    {
        _stream.IsCorked = true;
        await WriteAsync(1);
        await WriteAsync(0x88);

        await _stream.UncorkAsync();
        Assert.Equal([1, 0x88], _sent.ToArray());
        await WriteAsync(3);
        Assert.Equal([1, 0x88, 3], _sent.ToArray());
    }

    private async Task WriteAsync(byte frame)
    {
        await _stream.WriteAsync(new[] { frame });
        await _stream.FlushAsync();
    }
}
