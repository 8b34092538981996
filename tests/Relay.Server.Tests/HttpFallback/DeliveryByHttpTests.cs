using System.Buffers;
using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Relay.Protocol;
using Relay.Server.Connections;
using Relay.Server.Delivery;
using Relay.Server.Tests.Events;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.HttpFallback;

/// <summary>What is posted when, beside connections, pauses and restarts.</summary>
public sealed class DeliveryByHttpTests
{
    [Theory, OnEachStore]
    public async Task Without_a_connection_events_are_posted_and_2xx_acknowledges(string store)
    {
        await using var target = await EndpointTarget.StartAsync(status: 204);
        await using var relay = await HttpFallbackHost.StartAsync(store);
        var agent = await relay.RegisterAsync(target);

        var id = await relay.QueueAsync(agent);

        Assert.Equal(id, (await target.ReceiveAsync()).Id);
        var attempt = Assert.Single((await relay.WhenAsync(agent, id, EventState.Delivered)).Attempts);
        Assert.Equal((1, "http", AttemptOutcome.Acked), (attempt.Number, attempt.Via, attempt.Outcome));
        Assert.StartsWith("http_", attempt.SessionId, StringComparison.Ordinal);
    }

    [Theory]
    [OnEachStore("""{ "a" : "é\u00FC\/😀", "n":1.0e5 }""", "application/json")]
    [OnEachStore("a=1&b=\u00e9", "application/x-www-form-urlencoded")]
    public async Task The_body_is_the_frame_in_canonical_text_and_both_signatures_are_over_its_bytes(string store, string sent, string contentType)
    {
        await using var target = await EndpointTarget.StartAsync();
        await using var relay = await HttpFallbackHost.StartAsync(store);
        var agent = await relay.RegisterAsync(target);
        Assert.True(ApiKey.TryParse(agent.ApiKey, out var apiKey) & SigningSecret.TryParse(agent.SigningSecret, out var secret));

        var before = TimeProvider.System.GetUtcNow();
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/v1/webhook/{agent.RelayId}/some/path?q=%C3%A9") { Content = new ByteArrayContent(Encoding.UTF8.GetBytes(sent)) };
        request.Content.Headers.TryAddWithoutValidation("Content-Type", contentType);
        request.Headers.Add("X-Odd", "<\"a\\b\">&+'");
        using var response = await relay.Http.SendAsync(request);
        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        var post = await target.ReceiveAsync();

        Assert.Equal(("POST", new Uri(target.Url).PathAndQuery, "application/json"), (post.Method, post.PathAndQuery, post.Headers["content-type"]));
        var body = JsonElement.Parse(post.Body);
        Assert.Equal(["id", "timestamp", "signature", "payload", "attempt"], body.EnumerateObject().Select(static field => field.Name).Take(5));
        Assert.Equal(("/some/path", "q=%C3%A9", 1), (body.GetProperty("path").GetString(), body.GetProperty("query").GetString(), body.GetProperty("attempt").GetInt32()));
        Assert.Equal("<\"a\\b\">&+'", body.GetProperty("headers").GetProperty("x-odd").GetString());
        var exact = body.TryGetProperty("body", out var bytes) ? bytes.GetBytesFromBase64() : Encoding.UTF8.GetBytes(body.GetProperty("payload").GetRawText());
        Assert.Equal(sent, Encoding.UTF8.GetString(exact));

        // Who parses the text and prints it as the contract says gets the same bytes.
        var canonical = new ArrayBufferWriter<byte>();
        Assert.True(CanonicalJson.TryWrite(post.Body, canonical));
        Assert.Equal(post.Body, canonical.WrittenSpan.ToArray());

        var timestamp = long.Parse(post.Headers["x-relay-timestamp"], System.Globalization.CultureInfo.InvariantCulture);
        var seconds = long.Parse(post.Headers["webhook-timestamp"], System.Globalization.CultureInfo.InvariantCulture);
        Assert.Equal((body.GetProperty("timestamp").GetInt64(), timestamp / 1000), (timestamp, seconds));
        Assert.True(RelaySignature.Verify(apiKey!, post.Headers["x-relay-signature"], timestamp, post.Body, before));
        Assert.True(StandardSignature.Verify(secret!, post.Headers["webhook-signature"], post.Id, seconds, post.Body, before));
        Assert.False(RelaySignature.Verify(apiKey!, post.Headers["x-relay-signature"], timestamp, [.. post.Body, (byte)' '], before));
        Assert.Equal(body.GetProperty("id").GetString(), post.Id);
        Assert.False(post.Headers.ContainsKey("traceparent") || post.Headers.ContainsKey("authorization") || post.Headers.ContainsKey("cookie"));
    }

    [Theory, OnEachStore]
    public async Task A_connection_takes_over_and_when_it_is_gone_events_are_posted_again(string store)
    {
        await using var target = await EndpointTarget.StartAsync();
        await using var relay = await HttpFallbackHost.StartAsync(store);
        var agent = await relay.RegisterAsync(target);
        var first = await relay.QueueAsync(agent);
        Assert.Equal(first, (await target.ReceiveAsync()).Id);
        await relay.WhenAsync(agent, first, EventState.Delivered);

        await using (var connected = await relay.ConnectAsync(agent, maxInFlight: 2))
        {
            // More than the connection's window: what waits is not posted either.
            List<string> sent = [];
            for (var i = 0; i < 6; i++)
            {
                sent.Add(await relay.QueueAsync(agent));
            }

            foreach (var id in sent)
            {
                Assert.Equal(id, (await connected.ReceiveWebhookAsync()).Id);
                await connected.AckAsync(id);
            }

            await relay.WhenAsync(agent, sent[^1], EventState.Delivered);
            Assert.Equal(1, target.Count);
            await connected.CloseAsync();
        }

        await DisconnectedAsync(relay, agent);
        var last = await relay.QueueAsync(agent);
        Assert.Equal(last, (await target.ReceiveAsync()).Id);
        await relay.WhenAsync(agent, last, EventState.Delivered);
    }

    [Fact]
    public async Task A_connection_to_another_node_takes_over_too()
    {
        await using var target = await EndpointTarget.StartAsync();
        await using var relay = await HttpFallbackHost.StartAsync("redis");
        await using var peer = relay.StartAnother();
        var agent = await relay.RegisterAsync(target);
        var first = await relay.QueueAsync(agent);
        Assert.Equal(first, (await target.ReceiveAsync()).Id);
        await relay.WhenAsync(agent, first, EventState.Delivered);

        await using (var connected = await peer.ConnectAsync(agent))
        {
            for (var i = 0; i < 20; i++)
            {
                var id = await relay.QueueAsync(agent);
                Assert.Equal(id, (await connected.ReceiveWebhookAsync()).Id);
                await connected.AckAsync(id);
            }

            await connected.CloseAsync();
        }

        await DisconnectedAsync(peer, agent);
        var last = await relay.QueueAsync(agent);
        Assert.Equal(last, (await target.ReceiveAsync()).Id);
    }

    [Theory, OnEachStore]
    public async Task What_a_connection_left_behind_is_posted_without_another_event(string store)
    {
        await using var target = await EndpointTarget.StartAsync();
        await using var relay = await HttpFallbackHost.StartAsync(store);
        var agent = await relay.RegisterAsync(target, """{"retry_delays_ms":[0]}""");
        string[] sent;
        await using (var connected = await relay.ConnectAsync(agent, maxInFlight: 1))
        {
            sent = [await relay.QueueAsync(agent), await relay.QueueAsync(agent)];
            await connected.ReceiveWebhookAsync();
            connected.Cut();
        }

        Assert.Equal(sent.Order(), (await target.ReceiveIdsAsync(2)).Order());
        Assert.Equal("websocket,http", string.Join(',', (await relay.WhenAsync(agent, sent[0], EventState.Delivered)).Attempts.Select(static attempt => attempt.Via)));
    }

    [Theory, OnEachStore]
    public async Task Always_means_also_while_a_connection_is_there(string store)
    {
        await using var target = await EndpointTarget.StartAsync();
        await using var relay = await HttpFallbackHost.StartAsync(store);
        var agent = await relay.RegisterAsync(target, """{"http":"always"}""");
        Assert.Equal("always", (await relay.ShowAsync(agent)).GetProperty("delivery").GetProperty("http").GetString());
        await using var connected = await relay.ConnectAsync(agent);

        var id = await relay.QueueAsync(agent);

        Assert.Equal(id, (await target.ReceiveAsync()).Id);
        await relay.WhenAsync(agent, id, EventState.Delivered);
        await connected.AssertSilentAsync();

        await relay.PatchAsync(agent, """{"delivery":{"http":null}}""");
        await relay.AppliedAsync(agent);
        Assert.Equal(await relay.QueueAsync(agent), (await connected.ReceiveWebhookAsync()).Id);
    }

    [Theory, OnEachStore]
    public async Task A_pause_holds_and_a_resume_posts_what_waited(string store)
    {
        await using var target = await EndpointTarget.StartAsync();
        await using var relay = await HttpFallbackHost.StartAsync(store);
        var agent = await relay.RegisterAsync(target, """{"paused":true,"max_in_flight":1}""");
        string[] sent = [await relay.QueueAsync(agent), await relay.QueueAsync(agent), await relay.QueueAsync(agent)];
        Assert.Equal(EventState.Ready, (await relay.FindAsync(agent, sent[0])).State);

        await relay.PatchAsync(agent, """{"delivery":{"paused":false}}""");

        Assert.Equal(sent, await target.ReceiveIdsAsync(3));
    }

    [Theory, OnEachStore]
    public async Task An_endpoint_that_is_set_later_gets_what_waited_and_one_that_is_removed_gets_nothing(string store)
    {
        await using var target = await EndpointTarget.StartAsync();
        await using var relay = await HttpFallbackHost.StartAsync(store);
        var agent = await relay.RegisterAsync();
        var id = await relay.QueueAsync(agent);

        var changed = await relay.PatchAsync(agent, $$"""{"http_endpoint":"{{target.Url}}"}""");

        Assert.Equal("set", changed.GetProperty("http_endpoint").GetString());
        Assert.Equal(id, (await target.ReceiveAsync()).Id);
        await relay.WhenAsync(agent, id, EventState.Delivered);

        Assert.False((await relay.PatchAsync(agent, """{"http_endpoint":null}""")).TryGetProperty("http_endpoint", out _));
        var kept = await relay.QueueAsync(agent);
        await using var connected = await relay.ConnectAsync(agent);
        Assert.Equal(kept, (await connected.ReceiveWebhookAsync()).Id);
        Assert.Equal(1, target.Count);
    }

    [Theory, OnEachStore]
    public async Task What_waited_at_a_restart_is_posted_after_it(string store)
    {
        await using var target = await EndpointTarget.StartAsync(status: 503);
        await using var relay = await HttpFallbackHost.StartAsync(store);
        var agent = await relay.RegisterAsync(target, """{"retry_delays_ms":[100]}""");
        var id = await relay.QueueAsync(agent);
        await target.ReceiveAsync();
        await relay.WhenAsync(agent, id, EventState.Waiting);

        target.AnswerWith(200);
        await relay.RestartAsync();

        Assert.Equal(id, (await target.ReceiveAsync()).Id);
        await relay.WhenAsync(agent, id, EventState.Delivered);
    }

    [Theory, OnEachStore]
    public async Task A_waiting_sender_is_told_that_the_endpoint_took_it(string store)
    {
        await using var target = await EndpointTarget.StartAsync();
        await using var relay = await HttpFallbackHost.StartAsync(store);
        var agent = await relay.RegisterAsync(target);
        using var request = new HttpRequestMessage(HttpMethod.Post, $"/api/v1/webhook/{agent.RelayId}") { Content = new StringContent("{}") };
        request.Headers.Add("Prefer", "wait=60");

        using var response = await relay.Http.SendAsync(request);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal("delivered", (await RelayHost.ReadJsonAsync(response)).GetProperty("status").GetString());
        Assert.DoesNotContain("reply_by", Encoding.UTF8.GetString((await target.ReceiveAsync()).Body), StringComparison.Ordinal);
    }

    [Theory, OnEachStore]
    public async Task The_endpoint_is_in_no_answer_log_history_or_store(string store)
    {
        await using var target = await EndpointTarget.StartAsync(status: 500);
        await using var relay = await HttpFallbackHost.StartAsync(store);
        relay.Logs.Expect(1101);
        var agent = await relay.RegisterAsync(target, """{"max_attempts":1}""");
        var id = await relay.QueueAsync(agent);
        await relay.WhenAsync(agent, id, EventState.Dead);

        var attempt = (await relay.GetJsonAsync($"events/{id}")).GetProperty("attempts")[0];
        Assert.Equal(("http", "nacked", "The endpoint answered 500."), (attempt.GetProperty("via").GetString(), attempt.GetProperty("outcome").GetString(), attempt.GetProperty("reason").GetString()));
        Assert.Equal("set", (await relay.ShowAsync(agent)).GetProperty("http_endpoint").GetString());

        var port = $":{target.Root.Port}";
        foreach (var path in (string[])[$"events/{id}", $"agents/{agent.RelayId}", "agents", $"agents/{agent.RelayId}/logs", $"agents/{agent.RelayId}/events"])
        {
            var answer = (await relay.GetJsonAsync(path)).GetRawText();
            Assert.DoesNotContain(target.Secret, answer, StringComparison.Ordinal);
            Assert.DoesNotContain(port, answer, StringComparison.Ordinal);
        }

        Assert.DoesNotContain(relay.Logs.Texts, text => text.Contains(target.Secret, StringComparison.Ordinal) || text.Contains(port, StringComparison.Ordinal));
        var kept = Encoding.Latin1.GetString(await relay.Store.DumpAsync());
        Assert.Contains(agent.RelayId, kept, StringComparison.Ordinal);
        Assert.DoesNotContain(target.Secret, kept, StringComparison.Ordinal);
    }

    private static Task DisconnectedAsync(RelayHost relay, RegisterResponse agent)
    {
        Assert.True(RelayId.TryParse(agent.RelayId, out var id));
        return Eventually.AsyncTrue(() => !relay.Services.GetRequiredService<ConnectionRegistry>().IsConnected(id));
    }
}
