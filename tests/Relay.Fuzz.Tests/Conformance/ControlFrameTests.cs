using Relay.Fuzz.Tests.Wire;

namespace Relay.Fuzz.Tests.Conformance;

/// <summary>RFC 6455 §5.5: pings, pongs and the reserved opcodes and bits.</summary>
public sealed class ControlFrameTests(ConformanceRelay relay) : IClassFixture<ConformanceRelay>
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(125)]
    public async Task A_ping_is_answered_with_its_own_payload(int bytes)
    {
        using var socket = await relay.OpenAsync();
        var payload = Enumerable.Range(0, bytes).Select(static i => (byte)(255 - i)).ToArray();

        await socket.SendAsync(new RawFrame(RawFrame.Ping, payload));

        var pong = await socket.ReceiveAsync();
        Assert.Equal(RawFrame.Pong, pong!.Opcode);
        Assert.Equal(payload, pong.Payload);
        await ConformanceRelay.AssertAliveAsync(socket);
    }

    [Fact]
    public async Task Many_pings_are_answered_in_order()
    {
        using var socket = await relay.OpenAsync();

        await socket.SendAsync(Enumerable.Range(0, 100).Select(static i => new RawFrame(RawFrame.Ping, [(byte)i])));

        for (var i = 0; i < 100; i++)
        {
            Assert.Equal([(byte)i], (await socket.ReceiveAsync())!.Payload);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(125)]
    public async Task A_pong_that_nobody_asked_for_is_ignored(int bytes)
    {
        using var socket = await relay.OpenAsync();

        await socket.SendAsync(new RawFrame(RawFrame.Pong, new byte[bytes]));

        await ConformanceRelay.AssertAliveAsync(socket);
    }

    [Theory]
    [InlineData(RawFrame.Ping)]
    [InlineData(RawFrame.Pong)]
    [InlineData(RawFrame.Close)]
    public async Task A_control_frame_of_126_bytes_fails_with_1002(int opcode)
    {
        using var socket = await relay.OpenAsync();

        await socket.SendAsync(new RawFrame(opcode, new byte[126]));

        await relay.AssertFailedAsync(socket, 1002);
    }

    [Theory]
    [InlineData(RawFrame.Ping)]
    [InlineData(RawFrame.Pong)]
    [InlineData(RawFrame.Close)]
    public async Task A_control_frame_in_fragments_fails_with_1002(int opcode)
    {
        using var socket = await relay.OpenAsync();

        await socket.SendAsync(new RawFrame(opcode, []) { Fin = false });

        await relay.AssertFailedAsync(socket, 1002);
    }

    [Theory]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(11)]
    [InlineData(12)]
    [InlineData(13)]
    [InlineData(14)]
    [InlineData(15)]
    public async Task A_reserved_opcode_fails_with_1002(int opcode)
    {
        using var socket = await relay.OpenAsync();

        await socket.SendAsync(new RawFrame(opcode, [0x7b, 0x7d]));

        await relay.AssertFailedAsync(socket, 1002);
    }

    [Theory]
    [InlineData(RawFrame.Text, 1)]
    [InlineData(RawFrame.Text, 2)]
    [InlineData(RawFrame.Text, 4)]
    [InlineData(RawFrame.Text, 7)]
    [InlineData(RawFrame.Binary, 4)]
    [InlineData(RawFrame.Ping, 4)]
    [InlineData(RawFrame.Close, 1)]
    public async Task A_reserved_bit_fails_with_1002(int opcode, int rsv)
    {
        using var socket = await relay.OpenAsync();

        await socket.SendAsync(new RawFrame(opcode, []) { Rsv = rsv });

        await relay.AssertFailedAsync(socket, 1002);
    }

    [Theory]
    [InlineData(RawFrame.Text)]
    [InlineData(RawFrame.Binary)]
    [InlineData(RawFrame.Ping)]
    [InlineData(RawFrame.Close)]
    public async Task A_frame_without_a_mask_fails_with_1002(int opcode)
    {
        using var socket = await relay.OpenAsync();

        await socket.SendAsync(new RawFrame(opcode, [0x7b, 0x7d, 0x20, 0x20]) { Masked = false });

        await relay.AssertFailedAsync(socket, 1002);
    }
}
