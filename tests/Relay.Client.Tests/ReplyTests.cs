using System.Text;
using System.Text.Json.Serialization;
using Relay.Protocol;

namespace Relay.Client.Tests;

public sealed partial class ReplyTests : ClientTest
{
    private static readonly TimeSpan Waiting = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Handlers_reply_answers_the_sender_and_null_acknowledges()
    {
        var client = NewClient();
        var running = client.RunAsync(async (delivery, _) =>
        {
            await Task.Yield();
            return delivery.Text == "1" ? RelayReply.Text("<Response/>", "text/xml") with { Status = 201, Headers = new Dictionary<string, string> { ["X-Mine"] = "1" } } : null;
        });
        var connection = await Relay.AuthenticateAsync();
        string[] ids = [await connection.DeliverAsync("1"u8.ToArray(), replyWithin: Waiting), await connection.DeliverAsync("2"u8.ToArray(), replyWithin: Waiting)];

        var reply = await connection.ReadAsync<ReplyMessage>();

        Assert.Equal((ids[0], 201, "<Response/>"), (reply.Id, reply.Status, Encoding.UTF8.GetString(reply.BodyBase64!)));
        Assert.Equal(new Dictionary<string, string> { ["X-Mine"] = "1", ["content-type"] = "text/xml" }, reply.Headers);
        Assert.Equal(ids[1], (await connection.ReadAsync<AckMessage>()).Id);
        await client.DisposeAsync().AsTask().Soon();
        await running.Soon();
    }

    [Fact]
    public async Task Reply_settles_by_hand_too_and_once()
    {
        var taken = Receive(NewClient());
        var connection = await Relay.AuthenticateAsync();
        var id = await connection.DeliverAsync(replyWithin: Waiting);
        var delivery = await taken.NextAsync();

        await delivery.ReplyAsync(new RelayReply { Status = 204 });
        await delivery.ReplyAsync(new RelayReply { Status = 500 });
        await delivery.AckAsync();

        var reply = await connection.ReadAsync<ReplyMessage>();
        Assert.Equal((id, 204, null, null, null), (reply.Id, reply.Status, reply.Body, reply.BodyBase64, reply.Headers));
        Assert.True(delivery.IsSettled);
        await connection.PingAsync();
    }

    [Fact]
    public async Task Reply_to_nobody_is_an_ack()
    {
        var taken = Receive(NewClient());
        var connection = await Relay.AuthenticateAsync();
        var id = await connection.DeliverAsync();

        await (await taken.NextAsync()).ReplyAsync(RelayReply.Text("Hello?"));

        Assert.Equal(id, (await connection.ReadAsync<AckMessage>()).Id);
    }

    [Fact]
    public async Task Reply_without_a_connection_is_sent_on_the_next_one()
    {
        var client = NewClient();
        var reconnecting = Record<RelayReconnecting>(add => client.Reconnecting += add);
        var taken = Receive(client);
        var connection = await Relay.AuthenticateAsync();
        var id = await connection.DeliverAsync(replyWithin: Waiting);
        var delivery = await taken.NextAsync();
        connection.Cut();
        var delay = (await reconnecting.NextAsync()).Delay;

        await delivery.ReplyAsync(RelayReply.Text("Late."));
        Clock.Advance(delay);

        var reply = await (await Relay.WelcomeAsync()).ReadAsync<ReplyMessage>();
        Assert.Equal((id, "Late."), (reply.Id, Encoding.UTF8.GetString(reply.BodyBase64!)));
    }

    [Fact]
    public async Task Event_that_was_answered_here_and_comes_again_is_answered_again_as_long_as_its_sender_waits()
    {
        var client = NewClient();
        var reconnecting = Record<RelayReconnecting>(add => client.Reconnecting += add);
        var taken = Receive(client);
        var connection = await Relay.AuthenticateAsync();
        var id = await connection.DeliverAsync(replyWithin: Waiting);
        await (await taken.NextAsync()).ReplyAsync(RelayReply.Text("Yes."));
        await connection.ReadAsync<ReplyMessage>();
        connection.Cut();
        Clock.Advance((await reconnecting.NextAsync()).Delay);
        connection = await Relay.AuthenticateAsync();

        await connection.DeliverAsync(id: id, attempt: 2, replyWithin: Waiting);
        Assert.Equal("Yes.", Encoding.UTF8.GetString((await connection.ReadAsync<ReplyMessage>()).BodyBase64!));

        await connection.DeliverAsync(id: id, attempt: 3);
        Assert.Equal(id, (await connection.ReadAsync<AckMessage>()).Id);
        Assert.Equal(0, taken.Count);
    }

    [Fact]
    public async Task Reply_that_the_server_refuses_is_told_and_becomes_an_ack()
    {
        var client = NewClient();
        var errors = Record<RelayError>(add => client.Error += add);
        var taken = Receive(client);
        var connection = await Relay.AuthenticateAsync();
        var id = await connection.DeliverAsync(replyWithin: Waiting);
        await (await taken.NextAsync()).ReplyAsync(RelayReply.Text("No."));
        await connection.ReadAsync<ReplyMessage>();

        await connection.SendAsync(new ErrorMessage { Error = ErrorCodes.InvalidMessage, Message = "Not like this.", Id = id });

        Assert.Equal(id, (await errors.NextAsync()).EventId);
        Assert.Equal(id, (await connection.ReadAsync<AckMessage>()).Id);
    }

    [Fact]
    public async Task Reply_that_is_too_large_for_the_server_is_not_sent_again()
    {
        var client = NewClient();
        var reconnecting = Record<RelayReconnecting>(add => client.Reconnecting += add);
        var taken = Receive(client);
        var connection = await Relay.AuthenticateAsync();
        var id = await connection.DeliverAsync(replyWithin: Waiting);
        await (await taken.NextAsync()).ReplyAsync(new RelayReply { Body = new byte[RelayReply.MaxBodyBytes] });
        await connection.ReadAsync<ReplyMessage>();
        await connection.CloseAsync(CloseCodes.FrameTooLarge);
        Clock.Advance((await reconnecting.NextAsync()).Delay);
        connection = await Relay.AuthenticateAsync();

        await connection.DeliverAsync(id: id, attempt: 2, replyWithin: Waiting);

        Assert.Equal(id, (await connection.ReadAsync<AckMessage>()).Id);
    }

    [Fact]
    public async Task Handler_that_makes_no_valid_reply_gives_the_event_back()
    {
        var client = NewClient();
        var running = client.RunAsync(async (_, _) =>
        {
            await Task.Yield();
            return new RelayReply { Body = new byte[RelayReply.MaxBodyBytes + 1] };
        });
        var connection = await Relay.AuthenticateAsync();
        await connection.DeliverAsync(replyWithin: Waiting);

        Assert.Contains("at most 1048576 bytes; this one has 1048577", (await connection.ReadAsync<NackMessage>()).Reason, StringComparison.Ordinal);
        await client.DisposeAsync().AsTask().Soon();
        await running.Soon();
    }

    [Fact]
    public void Reply_holds_to_what_a_server_takes()
    {
        Assert.Equal(RelayReply.MaxBodyBytes, new RelayReply { Body = new byte[RelayReply.MaxBodyBytes] }.Body.Length);
        Assert.Contains("1048577", Assert.Throws<ArgumentException>(() => RelayReply.Text(new string('x', RelayReply.MaxBodyBytes + 1))).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => RelayReply.Text(new string('é', (RelayReply.MaxBodyBytes / 2) + 1)));
        Assert.All([199, 600, 0, -1], static status => Assert.Throws<ArgumentOutOfRangeException>(() => new RelayReply { Status = status }));
        Assert.Throws<ArgumentException>(static () => RelayReply.Text("", "text/plain\r\nSet-Cookie: a"));
        (string Name, string Value)[] wrong = [("", "a"), ("a b", "a"), ("x-a", "a\nb"), ("x-a", "é"), ("x-a", new string('a', 8193))];
        Assert.All(wrong, static header => Assert.Throws<ArgumentException>(() => new RelayReply { Headers = new Dictionary<string, string> { [header.Name] = header.Value } }));
        Assert.Throws<ArgumentException>(static () => new RelayReply { Headers = Enumerable.Range(0, 65).ToDictionary(static i => $"x-{i}", static _ => "") });
    }

    [Fact]
    public void Json_is_written_without_reflection()
    {
        var reply = RelayReply.Json(new Answer("yes"), JsonOfTests.Default.Answer);

        Assert.Equal(("""{"Text":"yes"}""", "application/json"), (Encoding.UTF8.GetString(reply.Body.Span), reply.ContentType));
    }

    [Fact]
    public void Only_so_many_bytes_of_replies_are_kept()
    {
        var recent = new RecentReplies(10_000);
        recent.Add(Reply("a", 4000));
        recent.Add(Reply("b", 1000));
        recent.Add(Reply("a", 2000));
        Assert.NotNull(recent.Find("b"));

        recent.Add(Reply("c", 4000));

        Assert.Equal((null, 2000, 4000), (recent.Find("b"), recent.Find("a")!.BodyBase64!.Length, recent.Find("c")!.BodyBase64!.Length));
        Assert.True(recent.Forget("a"));
        Assert.False(recent.Forget("a"));

        static ReplyMessage Reply(string id, int bytes) => new() { Id = id, BodyBase64 = new byte[bytes] };
    }

    internal sealed record Answer(string Text);

    [JsonSerializable(typeof(Answer))]
    private sealed partial class JsonOfTests : JsonSerializerContext;
}
