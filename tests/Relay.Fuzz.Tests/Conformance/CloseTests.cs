using Relay.Fuzz.Tests.Wire;

namespace Relay.Fuzz.Tests.Conformance;

/// <summary>RFC 6455 §5.5.1, §7.4: how connections are closed.</summary>
public sealed class CloseTests(ConformanceRelay relay) : IClassFixture<ConformanceRelay>
{
    [Theory]
    [InlineData(1000)]
    [InlineData(1001)]
    [InlineData(1002)]
    [InlineData(1003)]
    [InlineData(1007)]
    [InlineData(1008)]
    [InlineData(1009)]
    [InlineData(1010)]
    [InlineData(1011)]
    [InlineData(1012)]
    [InlineData(1013)]
    [InlineData(1014)]
    [InlineData(3000)]
    [InlineData(3999)]
    [InlineData(4000)]
    [InlineData(4999)]
    public async Task A_close_is_answered_with_1000(int code)
    {
        using var socket = await relay.OpenAsync();

        await socket.SendAsync(RawFrame.OfClose(code, "so long, 東"u8));

        await relay.AssertFailedAsync(socket, 1000);
    }

    [Fact]
    public async Task A_close_without_a_code_is_answered_with_1000()
    {
        using var socket = await relay.OpenAsync();

        await socket.SendAsync(new RawFrame(RawFrame.Close, []));

        await relay.AssertFailedAsync(socket, 1000);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(999)]
    [InlineData(1004)]
    [InlineData(1005)]
    [InlineData(1006)]
    [InlineData(1015)]
    [InlineData(1016)]
    [InlineData(1100)]
    [InlineData(2000)]
    [InlineData(2999)]
    [InlineData(5000)]
    [InlineData(65535)]
    public async Task A_close_with_a_code_that_must_not_be_sent_fails_with_1002(int code)
    {
        using var socket = await relay.OpenAsync();

        await socket.SendAsync(RawFrame.OfClose(code));

        await relay.AssertFailedAsync(socket, 1002);
    }

    [Fact]
    public async Task A_close_with_half_a_code_fails_with_1002()
    {
        using var socket = await relay.OpenAsync();

        await socket.SendAsync(new RawFrame(RawFrame.Close, [3]));

        await relay.AssertFailedAsync(socket, 1002);
    }

    [Fact]
    public async Task A_reason_of_123_bytes_is_taken()
    {
        using var socket = await relay.OpenAsync();

        await socket.SendAsync(RawFrame.OfClose(1000, new byte[123]));

        await relay.AssertFailedAsync(socket, 1000);
    }

    /// <summary>The RFC asks for 1007; .NET closes, with 1002.</summary>
    [Fact]
    public async Task A_reason_that_is_not_utf8_fails_with_1002()
    {
        using var socket = await relay.OpenAsync();

        await socket.SendAsync(RawFrame.OfClose(1000, 0xed, 0xa0, 0x80));

        await relay.AssertFailedAsync(socket, 1002);
    }

    [Fact]
    public async Task What_follows_a_close_is_not_read()
    {
        using var socket = await relay.OpenAsync();

        await socket.SendAsync(RawFrame.OfClose(1000), RawFrame.OfText("{}"), new RawFrame(RawFrame.Ping, []), RawFrame.OfClose(1001));

        await relay.AssertFailedAsync(socket, 1000);
    }

    [Fact]
    public async Task The_code_of_a_fault_arrives_though_more_was_sent_after_it()
    {
        using var socket = await relay.OpenAsync();

        await socket.SendAsync([new RawFrame(RawFrame.Text, []) { Rsv = 4 }, .. Enumerable.Repeat(new RawFrame(RawFrame.Text, new byte[1 << 10]), 64)]);

        await relay.AssertFailedAsync(socket, 1002);
    }

    [Fact]
    public async Task A_connection_that_is_cut_in_the_middle_of_a_frame_harms_nobody()
    {
        using (var socket = await relay.OpenAsync())
        {
            await socket.SendAsync(RawFrame.OfText("""{"type":"are_you_there"}""").ToBytes()[..9]);
        }

        using var another = await relay.OpenAsync();
        await ConformanceRelay.AssertAliveAsync(another);
    }
}
