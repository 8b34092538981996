using Relay.Protocol;

namespace Relay.Client.Tests.Polling;

public sealed class PollFailureTests : ClientTest
{
    [Fact]
    public async Task Refused_key_is_final()
    {
        var pending = new FakePending(Relay);
        pending.Instead.Enqueue((401, """{"error":"invalid_api_key","message":"Wrong.","request_id":"1"}""", null));

        var refused = await Assert.ThrowsAsync<RelayAuthenticationException>(() => PollAsync(NewPoller()));

        Assert.Equal(("invalid_api_key", true), (refused.ErrorCode, refused.Message.Contains("Wrong.", StringComparison.Ordinal)));
        Assert.Equal(0, pending.Polls.Count);
    }

    [Fact]
    public async Task Key_of_another_agent_says_that_the_relay_id_is_wrong()
    {
        new FakePending(Relay).Instead.Enqueue((404, """{"error":"unknown_relay_id","message":"No.","request_id":"1"}""", null));

        var refused = await Assert.ThrowsAsync<RelayAuthenticationException>(() => PollAsync(NewPoller()));

        Assert.Contains("RelayId", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(302, "", "HTTP 302")]
    [InlineData(403, "<html>", "HTTP 403")]
    [InlineData(404, "", "HTTP 404")]
    [InlineData(400, """{"error":"invalid_request","message":"Not so.","request_id":"1"}""", "invalid_request): Not so.")]
    [InlineData(200, "<html>Log in", "not a relay")]
    [InlineData(200, "{}", "not a relay")]
    [InlineData(200, "[]", "not a relay")]
    public async Task Answer_that_is_none_of_a_relays_is_told(int status, string body, string told)
    {
        new FakePending(Relay).Instead.Enqueue((status, body, null));

        var fault = await Assert.ThrowsAsync<RelayException>(() => PollAsync(NewPoller()));

        Assert.Contains(told, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Failing_server_is_asked_again_when_it_wants_to_be()
    {
        var pending = new FakePending(Relay);
        var id = pending.Add();
        pending.Instead.Enqueue((503, """{"error":"store_unavailable","message":"Later.","request_id":"1"}""", "7"));
        pending.Instead.Enqueue((502, "<html>", null));
        var client = NewPoller();
        var errors = Record<RelayError>(add => client.Error += add);

        var polling = PollAsync(client);
        Assert.Contains("HTTP 503", (await errors.NextAsync()).Message, StringComparison.Ordinal);
        Clock.Advance(TimeSpan.FromSeconds(6.9));
        Assert.Equal(0, pending.Polls.Count);
        Clock.Advance(TimeSpan.FromSeconds(0.5));
        var error = await errors.NextAsync();
        Assert.Equal((RelayErrorKind.ConnectFailed, true), (error.Kind, error.Message.Contains("HTTP 502", StringComparison.Ordinal)));
        Clock.Advance(TimeSpan.FromSeconds(2));

        Assert.Equal([id], await polling);
    }

    [Fact]
    public async Task Server_that_goes_on_failing_is_given_up()
    {
        var pending = new FakePending(Relay);
        for (var i = 0; i < 5; i++)
        {
            pending.Instead.Enqueue((500, "", null));
        }

        var client = NewPoller();
        client.Error += _ => Clock.Advance(TimeSpan.FromSeconds(30));

        var fault = await Assert.ThrowsAsync<RelayConnectionException>(() => PollAsync(client));

        Assert.Contains("5 attempts", fault.Message, StringComparison.Ordinal);
        Assert.Equal((0, 0), (pending.Instead.Count, pending.Polls.Count));
    }

    [Fact]
    public async Task Server_that_cannot_be_reached_is_given_up()
    {
        var client = NewPoller(options => (options.Url, options.MaxReconnectAttempts) = ("http://127.0.0.1:1", 0));

        var fault = await Assert.ThrowsAsync<RelayConnectionException>(() => PollAsync(client));

        Assert.Contains("1 attempts", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Server_that_does_not_answer_is_given_up()
    {
        var asked = new TaskCompletionSource();
        Relay.Http = async context =>
        {
            asked.TrySetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, Clock, context.RequestAborted).ContinueWith(static _ => { }, TaskScheduler.Default);
        };
        var polling = PollAsync(NewPoller(options => options.MaxReconnectAttempts = 0));
        await asked.Task.Soon();

        Clock.Advance(TimeSpan.FromSeconds(15));

        Assert.Contains("did not answer", (await Assert.ThrowsAsync<RelayConnectionException>(() => polling)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Answer_over_the_limit_is_told()
    {
        new FakePending(Relay).Add(new string('x', 10_000));

        var fault = await Assert.ThrowsAsync<RelayException>(() => PollAsync(NewPoller(options => options.MaxFrameBytes = 5000)));

        Assert.Contains("MaxFrameBytes", fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ack_that_failed_may_be_tried_again()
    {
        var pending = new FakePending(Relay);
        pending.Add();

        await foreach (var delivery in NewPoller(options => options.MaxReconnectAttempts = 0).PollAsync())
        {
            pending.Instead.Enqueue((503, "", null));
            await Assert.ThrowsAsync<RelayConnectionException>(async () => await delivery.AckAsync());
            Assert.False(delivery.IsSettled);

            await delivery.AckAsync();
            Assert.True(delivery.IsSettled);
        }

        Assert.Equal("DELETE", (await pending.Calls.NextAsync()).Method);
    }

    [Theory]
    [InlineData(404, "unknown_event")]
    [InlineData(409, "not_in_flight")]
    public async Task Settlement_that_comes_too_late_is_no_error(int status, string error)
    {
        var pending = new FakePending(Relay);
        pending.Add();

        await foreach (var delivery in NewPoller().PollAsync())
        {
            pending.Instead.Enqueue((status, $$"""{"error":"{{error}}","message":"Too late.","request_id":"1"}""", null));
            await delivery.NackAsync();
            Assert.True(delivery.IsSettled);
        }
    }

    [Fact]
    public async Task Event_that_cannot_be_read_is_told_and_the_others_are_handed_out()
    {
        var pending = new FakePending(Relay);
        pending.Instead.Enqueue((200, """{"count":2,"events":[{"type":"webhook"},7,{"type":"ping"}]}""", null));
        var id = pending.Add();
        var client = NewPoller();
        var errors = Record<RelayError>(add => client.Error += add);

        Assert.Equal([id], await PollAsync(client));

        Assert.Equal(3, errors.Count);
        Assert.Equal(RelayErrorKind.MalformedFrame, (await errors.NextAsync()).Kind);
    }

    [Fact]
    public async Task Forged_event_that_cannot_be_given_back_keeps_no_other_from_being_handed_out()
    {
        var pending = new FakePending(Relay);
        pending.Add(keys: new SigningKeys(ApiKey.New(), [Relay.Secret]));
        var good = pending.Add();
        var client = NewPoller();
        client.Error += _ => pending.Instead.Enqueue((404, "", null));

        Assert.Equal([good], await PollAsync(client));

        Assert.Equal("DELETE", (await pending.Calls.NextAsync()).Method);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Poll_that_ends_while_it_gives_a_forged_event_back_gives_the_others_back_too(bool cancelled)
    {
        var pending = new FakePending(Relay);
        pending.Add(keys: new SigningKeys(ApiKey.New(), [Relay.Secret]));
        var good = pending.Add();
        using var stop = new CancellationTokenSource();
        var client = NewPoller();
        client.Error += _ =>
        {
            if (cancelled)
            {
                stop.Cancel();
            }
            else
            {
                pending.Instead.Enqueue((401, "", null));
            }
        };

        var ended = await Xunit.Record.ExceptionAsync(() => PollAsync(client, stop.Token));

        Assert.True(cancelled ? ended is OperationCanceledException : ended is RelayAuthenticationException, ended?.ToString());
        var call = await pending.Calls.NextAsync();
        Assert.Equal(($"/api/v1/events/agt_0123456789abcdef/{good}/nack", """{"release":true}"""), (call.Path, call.Body));
    }

    [Fact]
    public async Task Disposal_ends_a_poll_that_waits()
    {
        var asked = new TaskCompletionSource();
        Relay.Http = async context =>
        {
            asked.TrySetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, Clock, context.RequestAborted).ContinueWith(static _ => { }, TaskScheduler.Default);
        };
        var client = NewPoller();
        var polling = PollAsync(client);
        await asked.Task.Soon();

        await client.DisposeAsync().AsTask().Soon();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => polling);
    }

    private static async Task<List<string>> PollAsync(RelayClient client, CancellationToken cancellationToken = default)
    {
        var ids = new List<string>();
        await foreach (var delivery in client.PollAsync(cancellationToken: cancellationToken))
        {
            await delivery.AckAsync();
            ids.Add(delivery.Id);
        }

        return ids;
    }

    private RelayClient NewPoller(Action<RelayClientOptions>? configure = null) => NewClient(options =>
    {
        options.RelayId = "agt_0123456789abcdef";
        configure?.Invoke(options);
    });
}
