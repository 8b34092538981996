using System.Net;
using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Tests.HttpFallback;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Ingest;

/// <summary>The sender waits on one node, the agent is on another.</summary>
public sealed class WaitingAcrossNodesTests
{
    [Fact]
    public async Task A_reply_reaches_the_sender()
    {
        await using var relay = await RelayHost.StartAsync("redis");
        await using var peer = relay.StartAnother();
        var agent = await relay.RegisterAsync();
        await using var connected = await peer.ConnectAsync(agent);

        var post = PostAsync(relay, agent);
        var webhook = await connected.ReceiveWebhookAsync();
        Assert.True(webhook.ReplyBy > webhook.ReceivedAt);
        await connected.SendAsync($$$"""{"type":"reply","id":"{{{webhook.Id}}}","status":201,"headers":{"x-mine":"1"},"body":"é"}""");

        using var response = await post;
        Assert.Equal((HttpStatusCode.Created, "é"), (response.StatusCode, await response.Content.ReadAsStringAsync()));
        Assert.Equal("1", Assert.Single(response.Headers.GetValues("x-mine")));
        Assert.Equal(EventState.Delivered, (await relay.FindAsync(agent, webhook.Id)).State);
    }

    [Fact]
    public async Task An_ack_reaches_the_sender()
    {
        await using var relay = await RelayHost.StartAsync("redis");
        await using var peer = relay.StartAnother();
        var agent = await relay.RegisterAsync();
        await using var connected = await peer.ConnectAsync(agent);

        var post = PostAsync(relay, agent);
        await connected.AckAsync((await connected.ReceiveWebhookAsync()).Id);

        await ExpectDeliveredAsync(post);
    }

    [Theory, OnEachStore]
    public async Task A_polls_ack_answers_the_sender(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        await using var peer = store == "redis" ? relay.StartAnother() : null;
        var agent = await relay.RegisterAsync();
        var polled = peer ?? relay;

        var post = PostAsync(relay, agent);
        using var poll = Bearer(HttpMethod.Get, $"/api/v1/pending/{agent.RelayId}?wait=30", agent);
        using var pending = await polled.Http.SendAsync(poll);
        var webhook = (await RelayHost.ReadJsonAsync(pending)).GetProperty("events")[0];
        Assert.False(webhook.TryGetProperty("reply_by", out var _)); // A poll cannot reply.
        using var ack = Bearer(HttpMethod.Delete, $"/api/v1/events/{agent.RelayId}/{webhook.GetProperty("id").GetString()}", agent);
        using var acknowledged = await polled.Http.SendAsync(ack);

        await ExpectDeliveredAsync(post);
    }

    [Fact]
    public async Task A_post_to_the_agents_endpoint_that_is_taken_answers_the_sender()
    {
        await using var target = await EndpointTarget.StartAsync();
        await using var relay = await HttpFallbackHost.StartAsync("redis");
        var agent = await relay.RegisterAsync(target);

        await ExpectDeliveredAsync(PostAsync(relay, agent));
    }

    [Fact]
    public async Task A_reply_from_a_connection_that_does_not_hold_the_event_counts()
    {
        await using var relay = await RelayHost.StartAsync("redis");
        await using var peer = relay.StartAnother();
        var agent = await relay.RegisterAsync("""{"delivery":{"connections":"shared"}}""");
        await using var holder = await relay.ConnectAsync(agent);

        var post = PostAsync(relay, agent);
        var webhook = await holder.ReceiveWebhookAsync();
        await using var other = await peer.ConnectAsync(agent);
        await other.SendAsync($$"""{"type":"reply","id":"{{webhook.Id}}","body":"done"}""");

        using var response = await post;
        Assert.Equal("done", await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Another_agents_reply_answers_nobody()
    {
        await using var relay = await RelayHost.StartAsync("redis");
        await using var peer = relay.StartAnother();
        var (agent, thief) = (await relay.RegisterAsync(), await relay.RegisterAsync());
        await using var connected = await peer.ConnectAsync(agent);
        await using var stranger = await peer.ConnectAsync(thief);

        var post = PostAsync(relay, agent);
        var webhook = await connected.ReceiveWebhookAsync();
        await stranger.SendAsync($$"""{"type":"reply","id":"{{webhook.Id}}","body":"forged"}""");
        Assert.Equal("unknown_event", (await stranger.ExpectAsync("error")).GetProperty("error").GetString());
        await connected.AckAsync(webhook.Id);

        await ExpectDeliveredAsync(post);
    }

    [Fact]
    public async Task An_ack_whose_news_was_lost_is_found_when_the_wait_ends()
    {
        await using var relay = await RelayHost.StartAsync("redis", ownClock: true);
        await using var peer = relay.StartAnother();
        var agent = await relay.RegisterAsync();
        await using var connected = await peer.ConnectAsync(agent);

        var post = PostAsync(relay, agent, seconds: 5);
        var webhook = await connected.ReceiveWebhookAsync();

        // As when the message is lost: the event is delivered, and nobody is told.
        Assert.True(RelayId.TryParse(agent.RelayId, out var id) & EventId.TryParse(webhook.Id, out var eventId));
        await peer.Queue.SettleAsync(id, [new Settlement(eventId, SettlementKind.Ack, SessionId.PollOf(id), AttemptOutcome.Released)], relay.Clock!.GetUtcNow());

        await relay.AdvanceUntilAsync(post);
        await ExpectDeliveredAsync(post);
    }

    [Fact]
    public async Task What_comes_again_after_the_wait_says_nothing_of_it_and_a_late_reply_is_an_ack()
    {
        await using var relay = await RelayHost.StartAsync("redis", ownClock: true);
        await using var peer = relay.StartAnother();
        var agent = await relay.RegisterAsync("""{"delivery":{"retry_delays_ms":[0]}}""");
        await using var connected = await peer.ConnectAsync(agent);

        var post = PostAsync(relay, agent, seconds: 5);
        var webhook = await connected.ReceiveWebhookAsync();
        using var response = await relay.AdvanceUntilAsync(post);
        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);

        connected.Cut();
        await using var again = await peer.ConnectAsync(agent);
        var repeated = await again.ReceiveWebhookAsync();
        Assert.Equal((webhook.Id, null), (repeated.Id, repeated.ReplyBy));
        await again.SendAsync($$"""{"type":"reply","id":"{{webhook.Id}}","body":"late"}""");
        await relay.WhenAsync(agent, webhook.Id, EventState.Delivered);
    }

    [Fact]
    public async Task A_node_that_stops_while_its_sender_waits_leaves_the_event_to_be_delivered()
    {
        await using var relay = await RelayHost.StartAsync("redis");
        var peer = relay.StartAnother();
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);

        using var sender = new HttpClient { BaseAddress = peer.Url };
        var post = PostAsync(sender, agent);
        var webhook = await connected.ReceiveWebhookAsync();
        await peer.DisposeAsync();
        using var response = await post;
        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);

        await connected.SendAsync($$"""{"type":"reply","id":"{{webhook.Id}}","body":"to nobody"}""");
        await relay.WhenAsync(agent, webhook.Id, EventState.Delivered);
    }

    private static Task<HttpResponseMessage> PostAsync(RelayHost relay, RegisterResponse agent, int seconds = 60) => PostAsync(relay.Http, agent, seconds);

    private static Task<HttpResponseMessage> PostAsync(HttpClient sender, RegisterResponse agent, int seconds = 60) => sender.SendAsync(
        new HttpRequestMessage(HttpMethod.Post, $"/api/v1/webhook/{agent.RelayId}") { Headers = { { "Prefer", $"wait={seconds}" } }, Content = new StringContent("{}") });

    private static HttpRequestMessage Bearer(HttpMethod method, string path, RegisterResponse agent) =>
        new(method, path) { Headers = { { "Authorization", $"Bearer {agent.ApiKey}" } } };

    private static async Task ExpectDeliveredAsync(Task<HttpResponseMessage> post)
    {
        using var response = await post;
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("delivered", (await RelayHost.ReadJsonAsync(response)).GetProperty("status").GetString());
    }
}
