using Relay.Protocol;
using Relay.Server.Delivery;

namespace Relay.Client.Tests.AgainstServer;

public sealed class PollTests
{
    [Theory, OnEachStore]
    public async Task What_was_polled_and_acknowledged_is_delivered_and_nothing_is_due(string store)
    {
        await using var relay = await RealRelay.StartAsync(store);
        var ids = await relay.PostAsync(25);
        var body = "{ \"text\" : \"\\u00e9\\/\",\n \"number\": 1.0 }\n"u8.ToArray();
        var last = await relay.Host.QueueAsync(relay.Agent, body, "application/json");
        var client = NewPoller(relay);

        var taken = new List<RelayDelivery>();
        await foreach (var delivery in client.PollAsync())
        {
            await delivery.AckAsync();
            Assert.Equal(EventState.Delivered, (await relay.FindAsync(delivery.Id)).State);
            taken.Add(delivery);
        }

        Assert.Equal(ids.Append(last).Order(StringComparer.Ordinal), taken.Select(static delivery => delivery.Id).Order(StringComparer.Ordinal));
        Assert.Equal(last, taken[^1].Id);
        Assert.Equal(body, taken[^1].Body.ToArray());
        Assert.Equal(("POST", "/", 1, null), (taken[^1].Method, taken[^1].Path, taken[^1].Attempt, taken[^1].ReplyBy));
        Assert.Empty(await PollAsync(client));
        Assert.Equal(RelayClientState.Idle, client.State);
    }

    [Theory, OnEachStore]
    public async Task What_was_polled_and_given_back_comes_again_when_it_was_asked_for(string store)
    {
        await using var relay = await RealRelay.StartAsync(store, settings: ("Relay:Delivery:RetryDelays:0", "01:00:00"));
        var id = await relay.PostAsync();
        var client = NewPoller(relay);

        var attempts = new List<int>();
        await foreach (var delivery in client.PollAsync(wait: TimeSpan.FromSeconds(1)))
        {
            attempts.Add(delivery.Attempt);
            if (delivery.Attempt == 1)
            {
                await delivery.NackAsync(TimeSpan.FromMilliseconds(10), "Not yet.");
            }
            else
            {
                await delivery.AckAsync();
            }
        }

        Assert.Equal([1, 2], attempts);
        var stored = await relay.WhenAsync(id, EventState.Delivered);
        Assert.Equal([(AttemptOutcome.Nacked, "Not yet."), (AttemptOutcome.Acked, null)], stored.Attempts.Select(static attempt => (attempt.Outcome, attempt.Reason)));
    }

    [Theory, OnEachStore]
    public async Task A_poll_that_waits_gets_what_comes(string store)
    {
        await using var relay = await RealRelay.StartAsync(store);
        var client = NewPoller(relay);
        await using var polling = client.PollAsync(wait: TimeSpan.FromSeconds(60)).GetAsyncEnumerator();
        var first = polling.MoveNextAsync().AsTask();

        var id = await relay.PostAsync();

        Assert.True(await first.Soon());
        Assert.Equal(id, polling.Current.Id);
        await polling.Current.AckAsync();
    }

    [Theory, OnEachStore]
    public async Task A_poll_beside_a_connection_takes_nothing_of_it_and_does_not_end_it(string store)
    {
        await using var relay = await RealRelay.StartAsync(store);
        var connected = relay.NewClient(options => options.MaxInFlight = 1);
        var disconnected = ClientTest.Record<RelayDisconnected>(add => connected.Disconnected += add);
        var taken = ClientTest.Receive(connected);
        var held = await relay.PostAsync();
        var delivery = await taken.NextAsync();
        Assert.Equal(held, delivery.Id);
        var waits = await relay.PostAsync();

        // Its window is full, so the next one is free for the poll.
        Assert.Equal([waits], await PollAsync(NewPoller(relay)));
        await delivery.AckAsync();
        await relay.WhenDeliveredAsync([held, waits]);

        var later = await relay.PostAsync();
        var next = await taken.NextAsync();
        Assert.Equal(later, next.Id);
        await next.AckAsync();
        Assert.Equal((0, 0), (disconnected.Count, taken.Count));
    }

    [Theory, OnEachStore]
    public async Task What_is_signed_by_another_is_given_back_unseen(string store)
    {
        await using var relay = await RealRelay.StartAsync(store, settings: ("Relay:Delivery:RetryDelays:0", "01:00:00"));
        var id = await relay.PostAsync();
        var client = NewPoller(relay, options => options.SigningSecret = SigningSecret.New().Reveal());
        var errors = ClientTest.Record<RelayError>(add => client.Error += add);

        Assert.Empty(await PollAsync(client));

        var error = await errors.NextAsync();
        Assert.Equal((RelayErrorKind.InvalidSignature, id), (error.Kind, error.EventId));
        Assert.Equal("invalid_signature", Assert.Single((await relay.WhenAsync(id, EventState.Waiting)).Attempts).Reason);
    }

    [Theory, OnEachStore]
    public async Task Only_the_agents_own_key_polls(string store)
    {
        await using var relay = await RealRelay.StartAsync(store);
        var other = await relay.Host.RegisterAsync();

        var refused = await Assert.ThrowsAsync<RelayAuthenticationException>(() => PollAsync(NewPoller(relay, options => options.ApiKey = ApiKey.New().Reveal())));
        Assert.Equal(ErrorCodes.InvalidApiKey, refused.ErrorCode);
        refused = await Assert.ThrowsAsync<RelayAuthenticationException>(() => PollAsync(NewPoller(relay, options => options.RelayId = other.RelayId)));
        Assert.Equal(ErrorCodes.RelayIdMismatch, refused.ErrorCode);
    }

    [Theory, OnEachStore]
    public async Task What_a_poll_that_was_left_did_not_hand_out_is_due_at_once(string store)
    {
        await using var relay = await RealRelay.StartAsync(store, settings: ("Relay:Delivery:RetryDelays:0", "01:00:00"));
        await relay.PostAsync(3);
        await foreach (var delivery in NewPoller(relay).PollAsync())
        {
            await delivery.AckAsync();
            break;
        }

        Assert.Equal(2, (await PollAsync(NewPoller(relay))).Count);
    }

    private static RelayClient NewPoller(RealRelay relay, Action<RelayClientOptions>? configure = null) => relay.NewClient(options =>
    {
        options.RelayId = relay.Agent.RelayId;
        configure?.Invoke(options);
    });

    private static async Task<List<string>> PollAsync(RelayClient client)
    {
        var ids = new List<string>();
        await foreach (var delivery in client.PollAsync())
        {
            await delivery.AckAsync();
            ids.Add(delivery.Id);
        }

        return ids;
    }
}
