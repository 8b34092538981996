using Relay.Protocol;

namespace Relay.Client.Tests;

public sealed class AuthenticationTests : ClientTest
{
    [Fact]
    public async Task First_frame_carries_the_key_and_what_the_options_say()
    {
        Receive(NewClient(options => (options.RelayId, options.MaxInFlight) = ("agt_0123456789abcdef", 7)));

        var auth = await (await Relay.AcceptAsync()).ReadAsync<AuthMessage>();

        Assert.Equal(Relay.Key.Reveal(), auth.ApiKey);
        Assert.Equal("agt_0123456789abcdef", auth.RelayId);
        Assert.Equal(7, auth.MaxInFlight);
        Assert.Matches(@"^\d+\.\d+\.\d+$", auth.Version);
        Assert.Equal("/api/v1/connect", Relay.LastPath);
    }

    [Fact]
    public async Task Key_alone_is_enough()
    {
        Receive(NewClient());

        var auth = await (await Relay.AcceptAsync()).ReadAsync<AuthMessage>();

        Assert.Equal("", auth.RelayId);
        Assert.Null(auth.MaxInFlight);
    }

    [Fact]
    public async Task Connected_tells_the_webhook_url_and_the_session()
    {
        var client = NewClient();
        var connected = Record<RelayConnected>(add => client.Connected += add);
        Assert.Equal(RelayClientState.Idle, client.State);
        Receive(client);

        await Relay.AuthenticateAsync();

        var told = await connected.NextAsync();
        Assert.Equal("https://relay.test/api/v1/webhook/agt_0123456789abcdef", told.WebhookUrl);
        Assert.Equal(("agt_0123456789abcdef", "session", 3), (told.RelayId, told.SessionId, told.Pending));
        Assert.Equal(RelayClientState.Connected, client.State);
    }

    [Fact]
    public async Task Refused_key_ends_the_client()
    {
        var client = NewClient();
        Receive(client, out var ended);
        var connection = await Relay.AcceptAsync();
        await connection.ReadAsync<AuthMessage>();
        await connection.SendAsync(new AuthErrorMessage { Error = ErrorCodes.RelayIdMismatch, Message = "Not yours." });

        // The error is enough for the client: it may be gone already.
        await Xunit.Record.ExceptionAsync(() => connection.CloseAsync(CloseCodes.Unauthorized));

        var refused = await Assert.ThrowsAsync<RelayAuthenticationException>(() => ended.Soon());

        Assert.Equal(ErrorCodes.RelayIdMismatch, refused.ErrorCode);
        Assert.Contains("Not yours.", refused.Message, StringComparison.Ordinal);
        await AssertEndedAsync(client);
    }

    [Fact]
    public async Task Key_that_came_too_late_is_sent_again()
    {
        var client = NewClient();
        var errors = Record<RelayError>(add => client.Error += add);
        var reconnecting = Record<RelayReconnecting>(add => client.Reconnecting += add);
        Receive(client);
        var connection = await Relay.AcceptAsync();
        await connection.ReadAsync<AuthMessage>();
        await connection.SendAsync(new AuthErrorMessage { Error = ErrorCodes.AuthTimeout, Message = "Too slow." });

        // The error is enough for the client: it may be gone already.
        await Xunit.Record.ExceptionAsync(() => connection.CloseAsync(CloseCodes.AuthTimeout));

        var error = await errors.NextAsync();
        Assert.Equal((RelayErrorKind.ConnectFailed, "Too slow."), (error.Kind, error.Message));
        Clock.Advance((await reconnecting.NextAsync()).Delay);
        await Relay.AuthenticateAsync();
    }

    [Fact]
    public async Task Close_code_4001_ends_the_client()
    {
        var client = NewClient();
        Receive(client, out var ended);
        var connection = await Relay.AcceptAsync();
        await connection.CloseAsync(CloseCodes.Unauthorized);

        await Assert.ThrowsAsync<RelayAuthenticationException>(() => ended.Soon());
        await AssertEndedAsync(client);
    }

    [Theory]
    [InlineData(200)]
    [InlineData(302)]
    [InlineData(400)]
    [InlineData(401)]
    [InlineData(403)]
    [InlineData(404)]
    [InlineData(407)]
    [InlineData(429)]
    [InlineData(502)]
    public async Task Refused_upgrade_may_come_from_a_proxy_and_is_tried_again(int status)
    {
        Relay.RefuseWith = status;
        var client = NewClient();
        var errors = Record<RelayError>(add => client.Error += add);
        var reconnecting = Record<RelayReconnecting>(add => client.Reconnecting += add);
        Receive(client);

        var error = await errors.NextAsync();
        Assert.Equal(RelayErrorKind.ConnectFailed, error.Kind);
        Assert.Contains($"HTTP {status}", error.Message, StringComparison.Ordinal);
        Assert.Contains("check Url", error.Message, StringComparison.Ordinal);
        var delay = (await reconnecting.NextAsync()).Delay;
        Relay.RefuseWith = null;
        Clock.Advance(delay);

        await Relay.AuthenticateAsync();
    }

    [Fact]
    public async Task Key_that_is_refused_later_ends_the_client()
    {
        var client = NewClient();
        var disconnected = Record<RelayDisconnected>(add => client.Disconnected += add);
        Receive(client, out var ended);
        var connection = await Relay.AuthenticateAsync();
        await connection.SendAsync(new DisconnectMessage { Reason = DisconnectReasons.Deactivated, Message = "Gone." });
        await connection.CloseAsync(CloseCodes.Normal);

        var refused = await Assert.ThrowsAsync<RelayAuthenticationException>(() => ended.Soon());

        Assert.Equal(DisconnectReasons.Deactivated, refused.ErrorCode);
        Assert.False((await disconnected.NextAsync()).WillReconnect);
        await AssertEndedAsync(client);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Client_that_was_replaced_does_not_fight(bool announced)
    {
        var client = NewClient();
        Receive(client, out var ended);
        var connection = await Relay.AuthenticateAsync();
        if (announced)
        {
            await connection.SendAsync(new DisconnectMessage { Reason = DisconnectReasons.DuplicateConnection, Message = "Newer." });
        }

        await connection.CloseAsync(CloseCodes.Replaced);

        await Assert.ThrowsAsync<RelayReplacedException>(() => ended.Soon());
        await AssertEndedAsync(client);
    }

    private async Task AssertEndedAsync(RelayClient client)
    {
        Assert.Equal(RelayClientState.Closed, client.State);
        Clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal(1, Relay.Requests);
        await Assert.ThrowsAnyAsync<RelayException>(() => client.RunAsync((_, _) => Task.CompletedTask).Soon());
    }
}
