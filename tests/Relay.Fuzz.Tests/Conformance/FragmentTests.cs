using System.Text;
using Relay.Fuzz.Tests.Wire;
using Relay.Protocol;

namespace Relay.Fuzz.Tests.Conformance;

/// <summary>RFC 6455 §5.4: fragments, and control frames between them.</summary>
public sealed class FragmentTests(ConformanceRelay relay) : IClassFixture<ConformanceRelay>
{
    private static readonly byte[] Unknown = Encoding.UTF8.GetBytes("""{"type":"are_you_thére","note":"東😀"}""");

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    [InlineData(100)]
    public async Task A_text_in_fragments_is_one_message_wherever_they_end(int pieceBytes)
    {
        using var socket = await relay.OpenAsync();

        await socket.SendAsync(RawFrame.Fragments([.. Unknown.Chunk(pieceBytes)]));

        await ConformanceRelay.AssertErrorAsync(socket, ErrorCodes.UnknownMessageType);
        await ConformanceRelay.AssertAliveAsync(socket);
    }

    [Fact]
    public async Task Bytes_that_come_one_at_a_time_are_one_message()
    {
        using var socket = await relay.OpenAsync();

        foreach (var one in new RawFrame(RawFrame.Text, Unknown).ToBytes())
        {
            await socket.SendAsync([one]);
        }

        await ConformanceRelay.AssertErrorAsync(socket, ErrorCodes.UnknownMessageType);
    }

    [Fact]
    public async Task Empty_fragments_add_nothing()
    {
        using var socket = await relay.OpenAsync();

        await socket.SendAsync(RawFrame.Fragments([[], [], Unknown, [], []]));

        await ConformanceRelay.AssertErrorAsync(socket, ErrorCodes.UnknownMessageType);
        await socket.SendAsync(RawFrame.Fragments([[], [], []]));
        await ConformanceRelay.AssertErrorAsync(socket, ErrorCodes.InvalidMessage);
        await ConformanceRelay.AssertAliveAsync(socket);
    }

    [Fact]
    public async Task A_ping_between_fragments_is_answered_and_the_message_stays_whole()
    {
        using var socket = await relay.OpenAsync();
        var fragments = RawFrame.Fragments([.. Unknown.Chunk(10)]).ToList();

        foreach (var (fragment, i) in fragments.SkipLast(1).Select(static (fragment, i) => (fragment, i)))
        {
            await socket.SendAsync(fragment, new RawFrame(RawFrame.Ping, [(byte)i]));
            var pong = await socket.ReceiveAsync();
            Assert.Equal(RawFrame.Pong, pong!.Opcode);
            Assert.Equal([(byte)i], pong.Payload);
        }

        await socket.SendAsync(fragments[^1]);
        await ConformanceRelay.AssertErrorAsync(socket, ErrorCodes.UnknownMessageType);
    }

    [Fact]
    public async Task A_close_between_fragments_closes()
    {
        using var socket = await relay.OpenAsync();

        await socket.SendAsync(RawFrame.Fragments([Unknown[..5], Unknown[5..]]).First(), RawFrame.OfClose(1000));

        await relay.AssertFailedAsync(socket, 1000);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_continuation_of_nothing_fails_with_1002(bool fin)
    {
        using var socket = await relay.OpenAsync();

        await socket.SendAsync(new RawFrame(RawFrame.Continuation, Unknown) { Fin = fin });

        await relay.AssertFailedAsync(socket, 1002);
    }

    [Fact]
    public async Task A_continuation_after_the_last_fragment_fails_with_1002()
    {
        using var socket = await relay.OpenAsync();

        // Its answer first: while the framework closes over the fault, an answer on its way may still follow the close frame.
        await socket.SendAsync(RawFrame.Fragments([Unknown[..5], Unknown[5..]]));
        await ConformanceRelay.AssertErrorAsync(socket, ErrorCodes.UnknownMessageType);
        await socket.SendAsync(new RawFrame(RawFrame.Continuation, []));

        await relay.AssertFailedAsync(socket, 1002);
    }

    [Theory]
    [InlineData(RawFrame.Text)]
    [InlineData(RawFrame.Binary)]
    public async Task A_new_message_inside_a_fragmented_one_fails_with_1002(int opcode)
    {
        using var socket = await relay.OpenAsync();

        await socket.SendAsync(new RawFrame(RawFrame.Text, Unknown[..5]) { Fin = false }, new RawFrame(opcode, [0x7b, 0x7d]));

        await relay.AssertFailedAsync(socket, 1002);
    }

    [Fact]
    public async Task A_binary_message_in_fragments_gets_one_error()
    {
        using var socket = await relay.OpenAsync();

        await socket.SendAsync(
            new RawFrame(RawFrame.Binary, [0xff]) { Fin = false }, new RawFrame(RawFrame.Continuation, [0xfe]) { Fin = false }, new RawFrame(RawFrame.Continuation, []));

        await ConformanceRelay.AssertErrorAsync(socket, ErrorCodes.InvalidMessage);
        await ConformanceRelay.AssertAliveAsync(socket);
    }

    [Fact]
    public async Task A_message_that_grows_by_fragments_beyond_the_limit_closes_with_4013()
    {
        using var socket = await relay.OpenAsync();

        await socket.SendAsync([new RawFrame(RawFrame.Text, [0x20]) { Fin = false }, .. Enumerable.Repeat(new RawFrame(RawFrame.Continuation, new byte[1 << 10]) { Fin = false }, 65)]);

        await socket.SendAsync(RawFrame.OfClose(1000));
        await relay.AssertFailedAsync(socket, 4013);
    }
}
