using Relay.Protocol;

namespace Relay.Client.Tests.Polling;

public sealed class PollTests : ClientTest
{
    private const string RelayId = "agt_0123456789abcdef";

    [Fact]
    public async Task Poll_hands_out_lease_after_lease_until_nothing_is_due_and_opens_no_socket()
    {
        var pending = new FakePending(Relay);
        string[] ids = [pending.Add("""{"a":"é"}"""), pending.Add("a=1"), pending.Add()];

        var taken = new List<RelayDelivery>();
        await foreach (var delivery in NewPoller().PollAsync(limit: 2, TimeSpan.FromSeconds(1.5)))
        {
            Assert.False(delivery.IsSettled);
            await delivery.AckAsync();
            Assert.True(delivery.IsSettled);
            Assert.Equal(("DELETE", $"/api/v1/events/{RelayId}/{delivery.Id}", ""), await pending.Calls.NextAsync());
            taken.Add(delivery);
        }

        Assert.Equal(ids, taken.Select(static delivery => delivery.Id));
        Assert.Equal(["""{"a":"é"}""", "a=1", "{}"], taken.Select(static delivery => delivery.Text));
        Assert.Equal(($"/api/v1/pending/{RelayId}?limit=2&wait=2", 3), (await pending.Polls.NextAsync(), pending.Polls.Count + 1));
        Assert.Equal(0, Relay.Requests);
    }

    [Fact]
    public async Task Nack_says_what_it_was_told_and_the_first_settlement_counts()
    {
        var pending = new FakePending(Relay);
        pending.Add();

        await foreach (var delivery in NewPoller().PollAsync())
        {
            await delivery.NackAsync(TimeSpan.FromSeconds(5), "Not now.", deadLetter: true);
            await delivery.AckAsync();
            Assert.Equal(("POST", $"/api/v1/events/{RelayId}/{delivery.Id}/nack", """{"reason":"Not now.","retry_after_ms":5000,"dead_letter":true}"""), await pending.Calls.NextAsync());
            await Assert.ThrowsAsync<NotSupportedException>(async () => await delivery.ExtendAsync());
        }

        Assert.Equal(0, pending.Calls.Count);
    }

    [Fact]
    public async Task Reason_is_cut_to_what_the_server_keeps()
    {
        var pending = new FakePending(Relay);
        pending.Add();

        await foreach (var delivery in NewPoller().PollAsync())
        {
            await delivery.NackAsync(reason: new string('x', 501));
        }

        Assert.Equal($$"""{"reason":"{{new string('x', 500)}}"}""", (await pending.Calls.NextAsync()).Body);
    }

    [Fact]
    public async Task Reply_to_what_was_polled_acknowledges()
    {
        var pending = new FakePending(Relay);
        pending.Add();

        await foreach (var delivery in NewPoller().PollAsync())
        {
            await delivery.ReplyAsync(RelayReply.Text("Hello?"));
        }

        Assert.Equal("DELETE", (await pending.Calls.NextAsync()).Method);
    }

    [Theory]
    [InlineData(false, "invalid_signature")]
    [InlineData(true, "stale_timestamp")]
    public async Task What_is_not_genuine_or_not_fresh_is_given_back_unseen(bool own, string reason)
    {
        var pending = new FakePending(Relay);
        var bad = own ? pending.Add(age: TimeSpan.FromSeconds(301)) : pending.Add(keys: new SigningKeys(ApiKey.New(), [Relay.Secret]));
        var good = pending.Add();
        var client = NewPoller();
        var errors = Record<RelayError>(add => client.Error += add);

        await foreach (var delivery in client.PollAsync())
        {
            Assert.Equal(good, delivery.Id);
            await delivery.AckAsync();
        }

        Assert.Equal(bad, (await errors.NextAsync()).EventId);
        Assert.Equal(("POST", $"/api/v1/events/{RelayId}/{bad}/nack", $$"""{"reason":"{{reason}}"}"""), await pending.Calls.NextAsync());
        Assert.Equal("DELETE", (await pending.Calls.NextAsync()).Method);
    }

    [Fact]
    public async Task Standard_signature_is_checked_too_when_the_secret_is_given()
    {
        var pending = new FakePending(Relay);
        pending.Add(keys: new SigningKeys(Relay.Key, [SigningSecret.New()]));

        await foreach (var delivery in NewPoller(options => options.SigningSecret = Relay.Secret.Reveal()).PollAsync())
        {
            Assert.Fail(delivery.Id);
        }

        Assert.Contains("invalid_signature", (await pending.Calls.NextAsync()).Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_not_handed_out_when_the_poll_was_left_is_given_back()
    {
        var pending = new FakePending(Relay);
        string[] ids = [pending.Add(), pending.Add(), pending.Add()];

        await foreach (var delivery in NewPoller().PollAsync())
        {
            await delivery.AckAsync();
            await pending.Calls.NextAsync();
            break;
        }

        foreach (var id in ids[1..])
        {
            var call = await pending.Calls.NextAsync();
            Assert.Equal(($"/api/v1/events/{RelayId}/{id}/nack", """{"release":true}"""), (call.Path, call.Body));
        }

        Assert.Equal(0, pending.Calls.Count);
    }

    [Fact]
    public async Task Cancelled_poll_ends_and_gives_back()
    {
        var pending = new FakePending(Relay);
        pending.Add();
        var second = pending.Add();
        using var stop = new CancellationTokenSource();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var delivery in NewPoller().PollAsync(cancellationToken: stop.Token))
            {
                await delivery.AckAsync();
                await stop.CancelAsync();
            }
        });

        Assert.Equal("DELETE", (await pending.Calls.NextAsync()).Method);
        Assert.Equal($"/api/v1/events/{RelayId}/{second}/nack", (await pending.Calls.NextAsync()).Path);
    }

    [Fact]
    public void Polling_needs_the_relay_id_and_sane_numbers()
    {
        Assert.Contains("RelayId", Assert.Throws<InvalidOperationException>(() => NewClient().PollAsync()).Message, StringComparison.Ordinal);
        var client = NewPoller();
        Assert.Throws<ArgumentOutOfRangeException>(() => client.PollAsync(0));
        Assert.Throws<ArgumentOutOfRangeException>(() => client.PollAsync(1001));
        Assert.Throws<ArgumentOutOfRangeException>(() => client.PollAsync(wait: TimeSpan.FromSeconds(61)));
        Assert.Throws<ArgumentOutOfRangeException>(() => client.PollAsync(wait: TimeSpan.FromSeconds(-1)));
    }

    [Fact]
    public async Task Disposed_client_does_not_poll()
    {
        var client = NewPoller();
        await client.DisposeAsync();

        Assert.Throws<ObjectDisposedException>(() => client.PollAsync());
    }

    [Theory]
    [InlineData("https://relay.test", "https://relay.test/api/v1/")]
    [InlineData("localhost:8080", "http://localhost:8080/api/v1/")]
    [InlineData("wss://relay.test/behind/it/api/v1/connect?x=1", "https://relay.test/behind/it/api/v1/")]
    [InlineData("wss://relay.test/elsewhere", "https://relay.test/api/v1/")]
    public void Polls_go_beside_the_connection(string url, string api) =>
        Assert.Equal(api, RelayHttp.ApiOf(ClientSettings.From(new RelayClientOptions { Url = url, ApiKey = Relay.Key.Reveal() }).Endpoint).AbsoluteUri);

    private RelayClient NewPoller(Action<RelayClientOptions>? configure = null) => NewClient(options =>
    {
        options.RelayId = RelayId;
        configure?.Invoke(options);
    });
}
