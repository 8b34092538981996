using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Polling;

public sealed class PollingTests
{
    [Theory, OnEachStore]
    public async Task A_poll_leases_what_is_due_with_right_signatures_and_exact_bytes(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync();
        string[] ids = [await relay.QueueAsync(agent, """{ "n" : 1 }"""), await relay.QueueAsync(agent, "not json")];

        var pending = await PollAsync(relay, agent);

        Assert.Equal(2, pending.GetProperty("count").GetInt32());
        Assert.True(ApiKey.TryParse(agent.ApiKey, out var key) & SigningSecret.TryParse(agent.SigningSecret, out var secret));
        foreach (var (item, i) in pending.GetProperty("events").EnumerateArray().Select(static (item, i) => (item, i)))
        {
            Assert.Equal((ids[i], ids[i]), (item.GetProperty("id").GetString(), item.GetProperty("event_id").GetString()));
            Assert.Equal(item.GetProperty("received_at").GetInt64(), item.GetProperty("created_at").GetInt64());
            var webhook = Assert.IsType<WebhookMessage>(Frames.ReadServerMessage(Encoding.UTF8.GetBytes(item.GetRawText()), out _));
            Assert.True(webhook.HasValidSignature(key!) && webhook.HasValidSignature(secret!));
            Assert.Equal(i == 0 ? """{ "n" : 1 }""" : "not json", Encoding.UTF8.GetString(webhook.ExactBody.Span));
        }

        Assert.Equal(0, (await PollAsync(relay, agent)).GetProperty("count").GetInt32());
    }

    [Theory, OnEachStore]
    public async Task A_polled_event_is_acknowledged_by_delete_and_a_second_time_too(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync();
        var id = await relay.QueueAsync(agent);
        await PollAsync(relay, agent);

        for (var i = 0; i < 2; i++)
        {
            using var response = await SendAsync(relay, agent, HttpMethod.Delete, $"/api/v1/events/{agent.RelayId}/{id}");
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }

        Assert.Equal(EventState.Delivered, (await relay.FindAsync(agent, id)).State);
    }

    [Theory, OnEachStore]
    public async Task A_poll_may_acknowledge_on_return(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync();
        var id = await relay.QueueAsync(agent);

        Assert.Equal(1, (await PollAsync(relay, agent, "?ack=true")).GetProperty("count").GetInt32());

        Assert.Equal(EventState.Delivered, (await relay.FindAsync(agent, id)).State);
    }

    [Theory, OnEachStore]
    public async Task A_waiting_poll_ends_as_soon_as_an_event_comes(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync();

        var poll = PollAsync(relay, agent, "?wait=60");
        var id = await relay.QueueAsync(agent);

        Assert.Equal(id, Assert.Single((await poll).GetProperty("events").EnumerateArray()).GetProperty("id").GetString());
    }

    [Fact]
    public async Task A_poll_that_waited_in_vain_is_empty()
    {
        await using var relay = await RelayHost.StartAsync("embedded", ownClock: true);
        var agent = await relay.RegisterAsync();

        var pending = await relay.AdvanceUntilAsync(PollAsync(relay, agent, "?wait=20"));

        Assert.Equal(0, pending.GetProperty("count").GetInt32());
    }

    [Theory, OnEachStore]
    public async Task What_a_poll_leased_and_nobody_acknowledged_comes_again(string store)
    {
        await using var relay = await RelayHost.StartAsync(store, ownClock: true);
        var agent = await relay.RegisterAsync();
        var id = await relay.QueueAsync(agent);
        await PollAsync(relay, agent);

        relay.Clock!.Advance(TimeSpan.FromSeconds(31));

        var again = Assert.Single((await PollAsync(relay, agent)).GetProperty("events").EnumerateArray());
        Assert.Equal((id, 2), (again.GetProperty("id").GetString(), again.GetProperty("attempt").GetInt32()));
    }

    [Theory, OnEachStore]
    public async Task A_poll_gives_back_and_the_event_comes_again_when_it_asked_for_it(string store)
    {
        await using var relay = await RelayHost.StartAsync(store, ownClock: true);
        var agent = await relay.RegisterAsync();
        var id = await relay.QueueAsync(agent);
        await PollAsync(relay, agent);

        using (var response = await SendAsync(relay, agent, HttpMethod.Post, $"/api/v1/events/{agent.RelayId}/{id}/nack", """{"reason":"busy","retry_after_ms":5000}"""))
        {
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }

        Assert.Equal(0, (await PollAsync(relay, agent)).GetProperty("count").GetInt32());
        relay.Clock!.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(1, (await PollAsync(relay, agent)).GetProperty("count").GetInt32());
        var attempt = Assert.Single((await relay.FindAsync(agent, id)).Attempts);
        Assert.Equal(("poll", AttemptOutcome.Nacked, "busy"), (attempt.Via, attempt.Outcome, attempt.Reason));
    }

    [Theory, OnEachStore]
    public async Task What_a_poll_releases_is_due_at_once_and_counts_no_attempt(string store)
    {
        await using var relay = await RelayHost.StartAsync(store, ownClock: true, ("Relay:Delivery:MaxAttempts", "1"));
        var agent = await relay.RegisterAsync();
        var id = await relay.QueueAsync(agent);
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(id, Assert.Single((await PollAsync(relay, agent)).GetProperty("events").EnumerateArray()).GetProperty("id").GetString());

            using var released = await SendAsync(relay, agent, HttpMethod.Post, $"/api/v1/events/{agent.RelayId}/{id}/nack", """{"release":true}""");
            Assert.Equal("released", (await RelayHost.ReadJsonAsync(released)).GetProperty("status").GetString());
        }

        Assert.Equal(0, (await relay.FindAsync(agent, id)).Failures);
        using var both = await SendAsync(relay, agent, HttpMethod.Post, $"/api/v1/events/{agent.RelayId}/{id}/nack", """{"release":true,"dead_letter":true}""");
        await Expect.ErrorAsync(both, HttpStatusCode.BadRequest, "invalid_request");
        using var again = await SendAsync(relay, agent, HttpMethod.Post, $"/api/v1/events/{agent.RelayId}/{id}/nack", """{"release":true}""");
        await Expect.ErrorAsync(again, HttpStatusCode.Conflict, "not_in_flight");
    }

    [Theory, OnEachStore]
    public async Task What_a_poll_gives_back_has_its_lost_connection_counted_as_before(string store)
    {
        await using var relay = await RelayHost.StartAsync(store, ownClock: true);
        var agent = await relay.RegisterAsync("""{"delivery":{"retry_delays_ms":[0]}}""");
        string id;
        await using (var connected = await relay.ConnectAsync(agent))
        {
            id = await relay.QueueAsync(agent);
            await connected.ReceiveWebhookAsync();
            connected.Cut();
        }

        await relay.WhenAsync(agent, id, EventState.Waiting);
        foreach (var (given, failures) in new[] { ("""{"release":true}""", 1), ("""{"retry_after_ms":0}""", 2) })
        {
            Assert.Equal(1, (await PollAsync(relay, agent)).GetProperty("count").GetInt32());
            using var response = await SendAsync(relay, agent, HttpMethod.Post, $"/api/v1/events/{agent.RelayId}/{id}/nack", given);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            var found = await relay.FindAsync(agent, id);
            Assert.Equal((failures, true), (found.Failures, found.LossCounted));
        }
    }

    [Fact]
    public async Task A_poll_works_while_a_socket_is_connected_and_neither_gets_the_others()
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent, maxInFlight: 1);
        var first = await relay.QueueAsync(agent);
        var second = await relay.QueueAsync(agent);
        Assert.Equal(first, (await connected.ReceiveWebhookAsync()).Id);

        Assert.Equal(second, Assert.Single((await PollAsync(relay, agent)).GetProperty("events").EnumerateArray()).GetProperty("id").GetString());

        await connected.AckAsync(first);
        await connected.AssertSilentAsync();
    }

    [Fact]
    public async Task An_event_that_a_connection_has_cannot_be_given_back_by_http()
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);
        var id = await relay.QueueAsync(agent);
        await connected.ReceiveWebhookAsync();

        using var response = await SendAsync(relay, agent, HttpMethod.Post, $"/api/v1/events/{agent.RelayId}/{id}/nack");

        await Expect.ErrorAsync(response, HttpStatusCode.Conflict, "not_in_flight");
    }

    [Fact]
    public async Task Only_the_agents_own_key_polls_acknowledges_and_gives_back()
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var (agent, other) = (await relay.RegisterAsync(), await relay.RegisterAsync());
        var id = await relay.QueueAsync(agent);

        foreach (var (method, path) in new[]
        {
            (HttpMethod.Get, $"/api/v1/pending/{agent.RelayId}"), (HttpMethod.Delete, $"/api/v1/events/{agent.RelayId}/{id}"), (HttpMethod.Post, $"/api/v1/events/{agent.RelayId}/{id}/nack"),
        })
        {
            using var without = await relay.Http.SendAsync(new HttpRequestMessage(method, path));
            await Expect.ErrorAsync(without, HttpStatusCode.Unauthorized, "invalid_api_key");
            using var strange = await SendAsync(relay, other, method, path);
            await Expect.ErrorAsync(strange, HttpStatusCode.NotFound, "unknown_relay_id");
        }

        Assert.Equal(EventState.Ready, (await relay.FindAsync(agent, id)).State);
    }

    [Theory]
    [InlineData("?limit=0")]
    [InlineData("?limit=1001")]
    [InlineData("?limit=many")]
    [InlineData("?wait=61")]
    [InlineData("?wait=-1")]
    [InlineData("?ack=perhaps")]
    public async Task A_malformed_poll_says_what_is_allowed(string query)
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await relay.RegisterAsync();

        using var response = await SendAsync(relay, agent, HttpMethod.Get, $"/api/v1/pending/{agent.RelayId}{query}");

        await Expect.ErrorAsync(response, HttpStatusCode.BadRequest, "invalid_request");
    }

    [Theory]
    [InlineData("DELETE", "nonsense", "")]
    [InlineData("DELETE", "evt_00000000000000000000000000000000", "")]
    [InlineData("POST", "evt_00000000000000000000000000000000", "/nack")]
    public async Task An_unknown_event_is_404(string method, string id, string suffix)
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await relay.RegisterAsync();

        using var response = await SendAsync(relay, agent, new HttpMethod(method), $"/api/v1/events/{agent.RelayId}/{id}{suffix}");

        await Expect.ErrorAsync(response, HttpStatusCode.NotFound, "unknown_event");
    }

    private static async Task<JsonElement> PollAsync(RelayHost relay, RegisterResponse agent, string query = "")
    {
        using var response = await SendAsync(relay, agent, HttpMethod.Get, $"/api/v1/pending/{agent.RelayId}{query}");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return await RelayHost.ReadJsonAsync(response);
    }

    private static Task<HttpResponseMessage> SendAsync(RelayHost relay, RegisterResponse agent, HttpMethod method, string path, string? json = null)
    {
        var request = new HttpRequestMessage(method, path) { Content = json is null ? null : new StringContent(json, Encoding.UTF8, "application/json") };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", agent.ApiKey);
        return relay.Http.SendAsync(request);
    }
}
