using System.Net;
using System.Text;
using Relay.Server.Delivery;

namespace Relay.Client.Tests.AgainstServer;

public sealed class ReplyTests
{
    [Theory, OnEachStore]
    public async Task A_sender_that_waits_gets_what_the_handler_returns(string store)
    {
        await using var relay = await RealRelay.StartAsync(store);
        var client = relay.NewClient();
        var running = client.RunAsync(async (delivery, _) =>
        {
            await Task.Yield();
            return delivery.ContentType == "application/x-www-form-urlencoded"
                ? RelayReply.Text($"<Response><Message>é {delivery.Text}</Message></Response>", "text/xml") with { Headers = new Dictionary<string, string> { ["X-Mine"] = "1" } }
                : null;
        });

        using var answer = await PostAsync(relay, "Body=hello", "application/x-www-form-urlencoded");
        using var acknowledged = await PostAsync(relay, "{}", "application/json");

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("<Response><Message>é Body=hello</Message></Response>", await answer.Content.ReadAsStringAsync());
        Assert.Equal(("text/xml", "1"), (answer.Content.Headers.ContentType!.ToString(), Assert.Single(answer.Headers.GetValues("X-Mine"))));
        Assert.Equal("delivered", (await RelayHost.ReadJsonAsync(acknowledged)).GetProperty("status").GetString());
        await client.DisposeAsync();
        await running.Soon();
    }

    [Theory, OnEachStore]
    public async Task A_reply_may_be_a_mebibyte_of_any_bytes_and_escapes(string store)
    {
        await using var relay = await RealRelay.StartAsync(store);
        var taken = ClientTest.Receive(relay.NewClient());
        var bytes = new byte[RelayReply.MaxBodyBytes];
        Random.Shared.NextBytes(bytes);

        var post = PostAsync(relay);
        await (await taken.NextAsync()).ReplyAsync(new RelayReply { Body = bytes });
        using (var answer = await post)
        {
            Assert.Equal(bytes, await answer.Content.ReadAsByteArrayAsync());
            Assert.Equal("application/octet-stream", answer.Content.Headers.ContentType!.ToString());
        }

        // As JSON text these would be six times as long, more than the server takes in a frame.
        var text = new string('<', RelayReply.MaxBodyBytes);
        post = PostAsync(relay);
        await (await taken.NextAsync()).ReplyAsync(RelayReply.Text(text) with { Status = 418 });
        using (var answer = await post)
        {
            Assert.Equal((418, text), ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync()));
        }
    }

    [Theory, OnEachStore]
    public async Task A_reply_after_the_sender_hung_up_acknowledges(string store)
    {
        await using var relay = await RealRelay.StartAsync(store);
        var taken = ClientTest.Receive(relay.NewClient());
        using var hangUp = new CancellationTokenSource();
        var post = PostAsync(relay, cancellationToken: hangUp.Token);
        var delivery = await taken.NextAsync();
        Assert.True(delivery.ReplyBy > delivery.ReceivedAt);

        await hangUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => post);
        await delivery.ReplyAsync(RelayReply.Text("Still there?"));

        var stored = await relay.WhenAsync(delivery.Id, EventState.Delivered);
        Assert.Equal(AttemptOutcome.Acked, Assert.Single(stored.Attempts).Outcome);
    }

    [Theory, OnEachStore]
    public async Task A_reply_that_was_lost_with_its_connection_is_sent_again_and_the_handler_is_not_run_again(string store)
    {
        await using var relay = await RealRelay.StartAsync(store);
        await using var proxy = new CutProxy(relay.Host.Url);
        var client = relay.NewClient(options => options.Url = proxy.Url.ToString());
        var disconnected = ClientTest.Record<RelayDisconnected>(add => client.Disconnected += add);
        var taken = ClientTest.Receive(client);
        var post = PostAsync(relay);
        var delivery = await taken.NextAsync();

        // What is sent into a stalled connection arrives nowhere.
        proxy.StallAll();
        await delivery.ReplyAsync(RelayReply.Text("Got it."));
        proxy.CutAll();
        await disconnected.NextAsync();

        using var answer = await post.Soon();
        Assert.Equal("Got it.", await answer.Content.ReadAsStringAsync());
        await relay.WhenAsync(delivery.Id, EventState.Delivered);
        Assert.Equal(0, taken.Count);
    }

    private static async Task<HttpResponseMessage> PostAsync(
        RealRelay relay, string body = "{}", string contentType = "application/json", CancellationToken cancellationToken = default)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, relay.Agent.WebhookUrl)
        {
            Content = new StringContent(body, Encoding.UTF8, new System.Net.Http.Headers.MediaTypeHeaderValue(contentType)),
        };
        request.Headers.Add("Prefer", "wait=30");
        return await relay.Host.Http.SendAsync(request, cancellationToken);
    }
}
