using System.Text;
using Relay.Fuzz.Tests.Wire;
using Relay.Protocol;

namespace Relay.Fuzz.Tests.Conformance;

/// <summary>RFC 6455 §5.2, §8.1: lengths and UTF-8. RFC 7692: compression.</summary>
public sealed class PayloadTests(ConformanceRelay relay) : IClassFixture<ConformanceRelay>
{
    public static TheoryData<string> NoUtf8 { get; } = new(
        "ff", "c0af", "eda080", "e282", "f4908080", "f88888808080", "80", "cebae1bdb9cf83cebcceb5eda080656469746564");

    [Theory]
    [MemberData(nameof(NoUtf8))]
    public async Task A_text_that_is_not_utf8_fails_with_1007(string hex)
    {
        using var socket = await relay.OpenAsync();

        await socket.SendAsync(new RawFrame(RawFrame.Text, Convert.FromHexString(hex)));

        await relay.AssertFailedAsync(socket, 1007);
    }

    [Theory]
    [MemberData(nameof(NoUtf8))]
    public async Task A_text_that_is_not_utf8_across_its_fragments_fails_with_1007(string hex)
    {
        using var socket = await relay.OpenAsync();

        await socket.SendAsync(RawFrame.Fragments([.. Convert.FromHexString(hex).Chunk(1)]));

        await relay.AssertFailedAsync(socket, 1007);
    }

    [Theory]
    [InlineData("00")]
    [InlineData("efbfbd")]
    [InlineData("efbfbf")]
    [InlineData("f48fbfbf")]
    [InlineData("efbbbf7b7d")]
    public async Task A_text_of_unusual_characters_is_a_message(string hex)
    {
        using var socket = await relay.OpenAsync();

        await socket.SendAsync(new RawFrame(RawFrame.Text, Convert.FromHexString(hex)));

        await ConformanceRelay.AssertErrorAsync(socket, ErrorCodes.InvalidMessage);
        await ConformanceRelay.AssertAliveAsync(socket);
    }

    [Theory]
    [InlineData(125)]
    [InlineData(126)]
    [InlineData(127)]
    [InlineData(65535)]
    [InlineData(65536)]
    public async Task A_frame_is_read_however_its_length_is_written(int bytes)
    {
        using var socket = await relay.OpenAsync();

        await socket.SendAsync(new RawFrame(RawFrame.Text, Encoding.ASCII.GetBytes("""{"type":"are_you_there"}""".PadRight(bytes))));

        await ConformanceRelay.AssertErrorAsync(socket, ErrorCodes.UnknownMessageType);
        await ConformanceRelay.AssertAliveAsync(socket);
    }

    /// <summary>The RFC wants the fewest bytes; .NET takes more, which harms nothing.</summary>
    [Theory]
    [InlineData(3)]
    [InlineData(9)]
    public async Task A_length_that_is_written_longer_than_it_must_be_is_taken(int lengthBytes)
    {
        using var socket = await relay.OpenAsync();

        await socket.SendAsync(RawFrame.OfText("""{"type":"are_you_there"}""") with { LengthBytes = lengthBytes });

        await ConformanceRelay.AssertErrorAsync(socket, ErrorCodes.UnknownMessageType);
        await ConformanceRelay.AssertAliveAsync(socket);
    }

    [Theory]
    [InlineData(RawFrame.Text)]
    [InlineData(RawFrame.Binary)]
    public async Task A_frame_that_announces_63_bits_closes_with_4013_when_it_is_too_long(int opcode)
    {
        using var socket = await relay.OpenAsync();

        await socket.SendAsync(new RawFrame(opcode, new byte[4 * ConformanceRelay.MaxFrameBytes]) { Announced = long.MaxValue, LengthBytes = 9 });

        await AssertClosesAsync(socket, 4013);
    }

    [Fact]
    public async Task A_length_with_its_highest_bit_set_fails_with_1002()
    {
        using var socket = await relay.OpenAsync();

        await socket.SendAsync(new RawFrame(RawFrame.Text, []) { Announced = ulong.MaxValue, LengthBytes = 9 });

        await relay.AssertFailedAsync(socket, 1002);
    }

    [Theory]
    [InlineData("permessage-deflate")]
    [InlineData("permessage-deflate; client_max_window_bits; server_no_context_takeover")]
    [InlineData("x-webkit-deflate-frame, permessage-bzip2")]
    [InlineData("=;=,,;")]
    public async Task Compression_is_refused_and_a_compressed_frame_fails_with_1002(string offer)
    {
        using var socket = await RawWebSocket.OpenAsync(relay.Host.Url, $"Sec-WebSocket-Extensions: {offer}\r\n");

        Assert.DoesNotContain("Sec-WebSocket-Extensions", socket.Head, StringComparison.OrdinalIgnoreCase);
        await socket.SendAsync(new RawFrame(RawFrame.Text, [0xaa, 0x56, 0x2a, 0x49, 0x55, 0xb2, 0x52, 0xaa, 0x05, 0x00]) { Rsv = 4 });
        await relay.AssertFailedAsync(socket, 1002);
    }

    [Fact]
    public async Task A_subprotocol_that_is_offered_is_not_agreed_to()
    {
        using var socket = await RawWebSocket.OpenAsync(relay.Host.Url, "Sec-WebSocket-Protocol: mqtt, graphql-ws\r\n");

        Assert.DoesNotContain("Sec-WebSocket-Protocol", socket.Head, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>The frame never ends, so neither can the handshake.</summary>
    private static async Task AssertClosesAsync(RawWebSocket socket, int code)
    {
        var frame = await socket.ReceiveAsync();
        Assert.Equal(code, frame?.CloseCode);
    }
}
