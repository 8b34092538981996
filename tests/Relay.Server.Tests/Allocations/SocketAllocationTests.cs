using Relay.Protocol;
using Relay.Server.Connections;
using Relay.Server.Delivery;

namespace Relay.Server.Tests.Allocations;

/// <summary>What stands between a pump and the socket.</summary>
public sealed class SocketAllocationTests
{
#if DEBUG
    /// <summary>Without optimization the state of an asynchronous method is an object too.</summary>
    private const long BufferBytes = 104;
#else
    /// <summary>The object of a buffer.</summary>
    private const long BufferBytes = 32;
#endif

    private static readonly byte[] Frame = new byte[1024];

    [Fact]
    public void A_frame_that_goes_out_alone_is_passed_on()
    {
        var stream = new FrameStream(Stream.Null);

        Allocated.AtMost(0, () => Write(stream));
    }

    [Fact]
    public void Frames_that_go_out_together_cost_one_buffer()
    {
        const int Together = 10;
        var stream = new FrameStream(Stream.Null);

        Allocated.AtMost(BufferBytes, () =>
        {
            for (var i = 1; i <= Together; i++)
            {
                stream.IsCorked = i < Together;
                Write(stream);
            }
        });
    }

    /// <summary>The frame's buffer is the owner's.</summary>
    [Fact]
    public void An_event_that_is_written()
    {
        const int Events = 1000;
        var leased = new LeasedEvent(new EventId(1), default, "{}"u8.ToArray(), Frame, Attempt: 1, Failures: 0, LossCounted: false);
        using var socket = new GatedSocket();
        var owner = new Owner();
        var outbound = new Outbound(socket, new FrameStream(Stream.Null), owner);

        Allocated.AtMost(BufferBytes, i =>
        {
            outbound.Push(leased);
            if (i == Events - 1)
            {
                // The writer goes on here, on this thread, with all that was pushed.
                socket.Open();
                Assert.True(owner.Sent == Events);
            }
        }, Events, beforeRound: () =>
        {
            owner.Sent = 0;
            socket.Close();
            outbound.Send(new PingMessage());
            Assert.True(SpinWait.SpinUntil(() => socket.IsWaitedFor, RelayHost.Patience));
        });
    }

    private static void Write(FrameStream stream)
    {
        AssertDone(stream.WriteAsync(Frame));
        Assert.True(stream.FlushAsync().IsCompletedSuccessfully);
    }

    private static void AssertDone(ValueTask task) => Assert.True(task.IsCompletedSuccessfully);

    private sealed class Owner : IOutboundOwner
    {
        public int Sent { get; set; }

        PooledBufferWriter IOutboundOwner.Write(LeasedEvent leased) => new(leased.Body.Length);

        void IOutboundOwner.Sent(LeasedEvent leased) => Sent++;

        void IOutboundOwner.SendFailed(Exception exception) => Assert.Fail(exception.ToString());
    }
}
