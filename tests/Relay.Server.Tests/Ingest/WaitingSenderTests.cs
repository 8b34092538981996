using System.Net;
using System.Text;
using System.Text.Json;
using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Ingest;

public sealed class WaitingSenderTests
{
    [Theory, OnEachStore]
    public async Task A_waiting_sender_is_told_when_the_agent_has_acknowledged(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);

        var post = PostAsync(relay, agent, "respond-async, wait=30");
        var webhook = await connected.ReceiveWebhookAsync();
        Assert.True(webhook.ReplyBy > webhook.ReceivedAt);
        await connected.AckAsync(webhook.Id);

        using var response = await post;
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        var answer = await RelayHost.ReadJsonAsync(response);
        Assert.Equal(("delivered", webhook.Id), (answer.GetProperty("status").GetString(), answer.GetProperty("id").GetString()));
        Assert.Equal(EventState.Delivered, (await relay.FindAsync(agent, webhook.Id)).State);
    }

    [Theory, OnEachStore]
    public async Task Senders_that_cannot_ask_to_wait_do_when_the_agent_is_set_so(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync("""{"delivery":{"sender_wait_seconds":30}}""");
        await using var connected = await relay.ConnectAsync(agent);

        var post = relay.PostAsync(agent, "From=%2B15550100"u8.ToArray(), "application/x-www-form-urlencoded");
        var webhook = await connected.ReceiveWebhookAsync();
        Assert.NotNull(webhook.ReplyBy);
        await connected.SendAsync($$"""{"type":"reply","id":"{{webhook.Id}}","headers":{"content-type":"text/xml"},"body":"<Response/>"}""");

        using (var response = await post)
        {
            Assert.Equal("<Response/>", await response.Content.ReadAsStringAsync());
        }

        using var hurried = await PostAsync(relay, agent, "wait=0");
        Assert.Equal(HttpStatusCode.Accepted, hurried.StatusCode);
    }

    [Theory, OnEachStore]
    public async Task A_waiting_sender_gets_the_agents_own_answer(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);

        var post = PostAsync(relay, agent, "wait=30", "Body=hello&From=%2B15550100");
        var webhook = await connected.ReceiveWebhookAsync();
        await connected.SendAsync(JsonSerializer.Serialize(new
        {
            type = "reply",
            id = webhook.Id,
            status = 201,
            headers = new Dictionary<string, string>
            {
                ["content-type"] = "text/xml",
                ["X-Mine"] = "1",
                ["set-cookie"] = "a=b",
                ["transfer-encoding"] = "chunked",
                ["x-bad"] = "a\r\nb: c",
                ["access-control-allow-origin"] = "*",
            },
            body = "<Response><Message>é</Message></Response>",
        }));

        using var response = await post;
        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.Equal("<Response><Message>é</Message></Response>", await response.Content.ReadAsStringAsync());
        Assert.Equal("text/xml", response.Content.Headers.ContentType?.ToString());
        Assert.Equal("1", Assert.Single(response.Headers.GetValues("x-mine")));
        Assert.Equal("nosniff", Assert.Single(response.Headers.GetValues("x-content-type-options")));
        foreach (var withheld in (string[])["set-cookie", "x-bad", "access-control-allow-origin"])
        {
            Assert.False(response.Headers.Contains(withheld), withheld);
        }

        await relay.WhenAsync(agent, webhook.Id, EventState.Delivered);
    }

    [Fact]
    public async Task An_answer_may_be_a_mebibyte_of_any_bytes()
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);
        var body = new byte[1 << 20];
        Random.Shared.NextBytes(body);

        var post = PostAsync(relay, agent, "wait=30");
        var webhook = await connected.ReceiveWebhookAsync();
        await connected.SendAsync(JsonSerializer.Serialize(new { type = "reply", id = webhook.Id, body_base64 = body }));

        using var response = await post;
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(body, await response.Content.ReadAsByteArrayAsync());
        Assert.Equal("application/octet-stream", response.Content.Headers.ContentType?.ToString());
    }

    [Theory]
    [InlineData("""{"status":100}""", "status")]
    [InlineData("""{"status":99999}""", "status")]
    [InlineData("""{"body":"a","body_base64":"YQ=="}""", "not both")]
    [InlineData("""{"body_base64":"!"}""", "body_base64")]
    public async Task A_reply_that_cannot_be_an_answer_is_refused_and_settles_nothing(string fields, string named)
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);
        var post = PostAsync(relay, agent, "wait=30");
        var webhook = await connected.ReceiveWebhookAsync();

        await connected.SendAsync($$"""{"type":"reply","id":"{{webhook.Id}}",{{fields[1..]}}""");

        var error = await connected.ExpectAsync("error");
        Assert.Equal("invalid_message", error.GetProperty("error").GetString());
        Assert.Contains(named, error.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Equal(EventState.Leased, (await relay.FindAsync(agent, webhook.Id)).State);
        await connected.AckAsync(webhook.Id);
        using var response = await post;
    }

    [Theory]
    [InlineData(204)]
    [InlineData(304)]
    public async Task An_answer_that_has_no_body_by_its_status_has_none(int status)
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);

        var post = PostAsync(relay, agent, "wait=30");
        var webhook = await connected.ReceiveWebhookAsync();
        await connected.SendAsync($$"""{"type":"reply","id":"{{webhook.Id}}","status":{{status}},"body":"none"}""");

        using var response = await post;
        Assert.Equal(status, (int)response.StatusCode);
        Assert.Empty(await response.Content.ReadAsStringAsync());
    }

    [Theory, OnEachStore]
    public async Task A_sender_that_waited_in_vain_is_told_that_it_is_queued(string store)
    {
        await using var relay = await RelayHost.StartAsync(store, ownClock: true);
        var agent = await relay.RegisterAsync();

        using var response = await relay.AdvanceUntilAsync(PostAsync(relay, agent, "wait=5"));

        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        await using var connected = await relay.ConnectAsync(agent);
        Assert.Null((await connected.ReceiveWebhookAsync()).ReplyBy);
    }

    [Fact]
    public async Task A_reply_for_another_agents_event_answers_nobody()
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var (agent, thief) = (await relay.RegisterAsync(), await relay.RegisterAsync());
        await using var connected = await relay.ConnectAsync(agent);
        await using var stranger = await relay.ConnectAsync(thief);
        var post = PostAsync(relay, agent, "wait=30");
        var webhook = await connected.ReceiveWebhookAsync();

        await stranger.SendAsync($$"""{"type":"reply","id":"{{webhook.Id}}","body":"forged"}""");
        Assert.Equal("unknown_event", (await stranger.ExpectAsync("error")).GetProperty("error").GetString());
        await connected.AckAsync(webhook.Id);

        using var response = await post;
        Assert.Equal("delivered", (await RelayHost.ReadJsonAsync(response)).GetProperty("status").GetString());
    }

    [Fact]
    public async Task A_sender_that_hangs_up_costs_nothing_and_its_event_is_delivered()
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);
        using var hangUp = new CancellationTokenSource();

        var post = PostAsync(relay, agent, "wait=60", cancellationToken: hangUp.Token);
        var webhook = await connected.ReceiveWebhookAsync();
        await hangUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => post);
        await connected.AckAsync(webhook.Id);

        await relay.WhenAsync(agent, webhook.Id, EventState.Delivered);
    }

    [Theory]
    [InlineData("wait=0")]
    [InlineData("wait=-1")]
    [InlineData("wait=soon")]
    [InlineData("wait")]
    [InlineData("return=minimal")]
    public async Task A_preference_that_asks_for_no_wait_is_none(string prefer)
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        var agent = await relay.RegisterAsync();

        using var response = await PostAsync(relay, agent, prefer);

        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
    }

    private static Task<HttpResponseMessage> PostAsync(
        RelayHost relay, RegisterResponse agent, string prefer, string body = "{}", CancellationToken cancellationToken = default)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, $"/api/v1/webhook/{agent.RelayId}") { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body)) };
        request.Headers.TryAddWithoutValidation("Prefer", prefer);
        return relay.Http.SendAsync(request, cancellationToken);
    }
}
