using System.Net.WebSockets;
using System.Text;
using Relay.Protocol;

namespace Relay.Client.Tests;

public sealed class FrameTests : ClientTest
{
    [Theory]
    [InlineData("nonsense")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("")]
    [InlineData("""{"type":7}""")]
    [InlineData("""{"type":"webhook"}""")]
    [InlineData("""{"type":"webhook","id":1}""")]
    [InlineData("""{"type":"ping","timestamp":"soon"}""")]
    [InlineData("""{"type":"disconnect"}""")]
    public async Task Malformed_frame_is_told_and_survived(string frame)
    {
        var client = NewClient();
        var errors = Record<RelayError>(add => client.Error += add);
        Receive(client);
        var connection = await Relay.AuthenticateAsync();

        await connection.SendAsync(frame);

        Assert.Equal(RelayErrorKind.MalformedFrame, (await errors.NextAsync()).Kind);
        await connection.PingAsync();
    }

    [Fact]
    public async Task Binary_frame_is_told_and_survived()
    {
        var client = NewClient();
        var errors = Record<RelayError>(add => client.Error += add);
        Receive(client);
        var connection = await Relay.AuthenticateAsync();

        await connection.SendAsync(Frames.Write(new PingMessage()), WebSocketMessageType.Binary);

        Assert.Equal(RelayErrorKind.MalformedFrame, (await errors.NextAsync()).Kind);
        await connection.PingAsync();
    }

    [Fact]
    public async Task Frame_of_an_unknown_type_is_ignored()
    {
        var client = NewClient();
        var errors = Record<RelayError>(add => client.Error += add);
        Receive(client);
        var connection = await Relay.AuthenticateAsync();

        await connection.SendAsync("""{"type":"news","of":"tomorrow"}""");
        await connection.SendAsync(new AuthSuccessMessage { RelayId = "", WebhookUrl = "", SessionId = "" });

        await connection.PingAsync();
        Assert.Equal(0, errors.Count);
    }

    [Fact]
    public async Task Frame_over_the_limit_is_skipped()
    {
        var client = NewClient(options => options.MaxFrameBytes = 100_000);
        var errors = Record<RelayError>(add => client.Error += add);
        var taken = Receive(client);
        var connection = await Relay.AuthenticateAsync();

        await connection.DeliverAsync(new byte[200_000]);
        var fits = await connection.DeliverAsync(new byte[50_000]);

        var error = await errors.NextAsync();
        Assert.Equal(RelayErrorKind.FrameTooLarge, error.Kind);
        Assert.Contains("MaxFrameBytes", error.Message, StringComparison.Ordinal);
        Assert.Equal(fits, (await taken.NextAsync()).Id);
    }

    [Fact]
    public async Task Frame_in_fragments_is_put_together()
    {
        Receive(NewClient());
        var connection = await Relay.AuthenticateAsync();
        var frame = Encoding.UTF8.GetBytes("""{"type":"ping","timestamp":7}""");

        for (var i = 0; i < frame.Length; i++)
        {
            await connection.SendAsync(frame.AsMemory(i, 1), last: false);
        }

        await connection.SendAsync(ReadOnlyMemory<byte>.Empty);
        Assert.Equal(7, (await connection.ReadAsync<PongMessage>()).Timestamp);
    }

    [Fact]
    public async Task Delivery_before_authentication_is_not_shown()
    {
        var taken = Receive(NewClient());
        var connection = await Relay.AcceptAsync();
        await connection.ReadAsync<AuthMessage>();
        await connection.DeliverAsync();
        await connection.WelcomeAsync();

        var id = await connection.DeliverAsync();

        Assert.Equal(id, (await taken.NextAsync()).Id);
    }
}
