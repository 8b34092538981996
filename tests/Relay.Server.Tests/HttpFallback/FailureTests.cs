using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Http;
using Relay.Server.Delivery;
using Relay.Server.HttpFallback;
using Relay.Server.Tests.Events;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.HttpFallback;

/// <summary>Endpoints that do not take what they are sent.</summary>
public sealed class FailureTests
{
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(250);

    [Theory, OnEachStore]
    public async Task Anything_but_2xx_is_tried_again_by_the_schedule_and_then_given_up(string store)
    {
        await using var target = await EndpointTarget.StartAsync(status: 404);
        await using var relay = await HttpFallbackHost.StartAsync(store, ownClock: true);
        relay.Logs.Expect(1101);
        var agent = await relay.RegisterAsync(target, """{"retry_delays_ms":[2000,20000],"max_attempts":3}""");

        var id = await relay.QueueAsync(agent);
        var posts = new List<long>();
        for (var i = 0; i < 3; i++)
        {
            posts.Add(Timestamp(await relay.AdvanceUntilAsync(target.ReceiveAsync(), Step)));
        }

        Assert.InRange(posts[1] - posts[0], 1600, 2400 + 3000);
        Assert.InRange(posts[2] - posts[1], 16_000, 24_000 + 3000);
        var found = await relay.WhenAsync(agent, id, EventState.Dead);
        Assert.Equal(3, found.Failures);
        Assert.All(found.Attempts, static attempt => Assert.Equal(("http", AttemptOutcome.Nacked, "The endpoint answered 404."), (attempt.Via, attempt.Outcome, attempt.Reason)));
    }

    [Theory]
    [OnEachStore("40", 40)]
    [OnEachStore("Fri, 02 Jan 2026 03:05:05 GMT", 60)]
    [OnEachStore("99999999", 24 * 3600)]
    [OnEachStore("soon", 1)]
    [OnEachStore("0", 1)]
    [OnEachStore("Fri, 02 Jan 2015 03:05:05 GMT", 1)]
    public async Task Retry_after_is_the_delay(string store, string retryAfter, int seconds)
    {
        await using var target = await EndpointTarget.StartAsync();
        target.AnswerWith(429, retryAfter);
        await using var relay = await HttpFallbackHost.StartAsync(store, ownClock: true);
        var agent = await relay.RegisterAsync(target, """{"retry_delays_ms":[1000]}""");

        var began = relay.Clock!.GetUtcNow();
        var id = await relay.QueueAsync(agent);
        var found = await relay.WhenAsync(agent, id, EventState.Waiting);

        Assert.InRange((found.DueAt!.Value - began).TotalSeconds, seconds * 0.8, seconds * 1.2);
    }

    [Theory, OnEachStore]
    public async Task Gone_disables_the_endpoint_and_keeps_the_events(string store)
    {
        await using var target = await EndpointTarget.StartAsync(status: 410);
        await using var relay = await HttpFallbackHost.StartAsync(store);
        relay.Logs.Expect(1602);
        var agent = await relay.RegisterAsync(target, """{"retry_delays_ms":[0]}""");

        var id = await relay.QueueAsync(agent);
        await target.ReceiveAsync();
        await Eventually.AsyncTrue(async () => (await relay.ShowAsync(agent)).GetProperty("http_endpoint").GetString() == "gone");
        await Eventually.AsyncTrue(async () => (await relay.GetJsonAsync($"agents/{agent.RelayId}/logs")).GetProperty("logs")
            .EnumerateArray().Any(static entry => entry.GetProperty("type").GetString() == "endpoint_gone"));

        await using (var connected = await relay.ConnectAsync(agent))
        {
            Assert.Equal(id, (await connected.ReceiveWebhookAsync()).Id);
            await connected.AckAsync(id);
            await relay.WhenAsync(agent, id, EventState.Delivered);
        }

        Assert.Equal(1, target.Count);
        target.AnswerWith(200);
        var set = await relay.PatchAsync(agent, $$"""{"http_endpoint":"{{target.Url}}"}""");
        Assert.Equal("set", set.GetProperty("http_endpoint").GetString());
        var next = await relay.QueueAsync(agent);
        Assert.Equal(next, (await target.ReceiveAsync()).Id);
    }

    [Theory, OnEachStore]
    public async Task A_slow_target_delays_no_other(string store)
    {
        await using var slow = await EndpointTarget.StartAsync();
        await using var fast = await EndpointTarget.StartAsync();
        slow.NeverAnswer();
        await using var relay = await HttpFallbackHost.StartAsync(store, ownClock: true);
        var (patient, quick) = (await relay.RegisterAsync(slow), await relay.RegisterAsync(fast));

        string[] stuck = [await relay.QueueAsync(patient), await relay.QueueAsync(patient)];
        await slow.ReceiveIdsAsync(2);
        for (var i = 0; i < 50; i++)
        {
            var id = await relay.QueueAsync(quick);
            Assert.Equal(id, (await fast.ReceiveAsync()).Id);
            await relay.WhenAsync(quick, id, EventState.Delivered);
        }

        // Their 15 s, by the server's clock.
        Assert.Equal(EventState.Leased, (await relay.FindAsync(patient, stuck[0])).State);
        relay.Clock!.Advance(EndpointPoster.Timeout);
        foreach (var id in stuck)
        {
            var attempt = Assert.Single((await relay.WhenAsync(patient, id, EventState.Waiting)).Attempts);
            Assert.Equal((AttemptOutcome.TimedOut, "The endpoint did not answer within 15 s."), (attempt.Outcome, attempt.Reason));
        }
    }

    [Theory, OnEachStore]
    public async Task While_a_targets_circuit_is_open_nothing_is_posted_and_no_attempt_is_burned(string store)
    {
        await using var target = await EndpointTarget.StartAsync(status: 503);
        await using var relay = await HttpFallbackHost.StartAsync(store, ownClock: true);
        var agent = await relay.RegisterAsync(target, """{"retry_delays_ms":[1000],"max_attempts":20,"max_in_flight":1}""");

        var id = await relay.QueueAsync(agent);
        for (var i = 0; i < TargetCircuits.FailuresToOpen; i++)
        {
            await relay.AdvanceUntilAsync(target.ReceiveAsync(), Step);
        }

        await Eventually.Async(() => relay.FindAsync(agent, id), static found => found is { State: EventState.Waiting, Failures: TargetCircuits.FailuresToOpen });
        target.AnswerWith(200);
        var opened = relay.Clock!.GetUtcNow();
        string[] more = [await relay.QueueAsync(agent), await relay.QueueAsync(agent)];
        for (var i = 0; i < 20; i++)
        {
            relay.Clock.Advance(Step);
            Assert.Equal(TargetCircuits.FailuresToOpen, target.Count);
            Assert.Equal((0, TargetCircuits.FailuresToOpen), ((await relay.FindAsync(agent, more[0])).AttemptCount, (await relay.FindAsync(agent, id)).Failures));
        }

        Assert.True(relay.Clock.GetUtcNow() - opened < TargetCircuits.FirstBreak);
        Assert.Equal(((string[])[id, .. more]).Order(), (await relay.AdvanceUntilAsync(target.ReceiveIdsAsync(3), Step)).Order());
        Assert.Equal(TargetCircuits.FailuresToOpen + 1, (await relay.WhenAsync(agent, id, EventState.Delivered)).AttemptCount);
        Assert.Equal(1, (await relay.WhenAsync(agent, more[1], EventState.Delivered)).AttemptCount);
    }

    [Theory, OnEachStore]
    public async Task A_redirect_is_not_followed(string store)
    {
        await using var elsewhere = await EndpointTarget.StartAsync();
        await using var target = await EndpointTarget.StartAsync();
        target.Answer = context =>
        {
            context.Response.Redirect(elsewhere.Url, permanent: false, preserveMethod: true);
            return Task.CompletedTask;
        };
        await using var relay = await HttpFallbackHost.StartAsync(store);
        var agent = await relay.RegisterAsync(target);

        var id = await relay.QueueAsync(agent);

        var attempt = (await relay.WhenAsync(agent, id, EventState.Waiting)).Attempts[0];
        Assert.Equal("The endpoint answered 307. Redirects are not followed.", attempt.Reason);
        Assert.Equal(0, elsewhere.Count);
    }

    [Theory, OnEachStore]
    public async Task An_answer_without_end_is_cut(string store)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var sent = AnswerWithoutEndAsync(listener);
        await using var relay = await HttpFallbackHost.StartAsync(store);
        var agent = await relay.RegisterAsync($$"""{"http_endpoint":"http://127.0.0.1:{{((IPEndPoint)listener.LocalEndpoint).Port}}/"}""");

        var id = await relay.QueueAsync(agent);

        await relay.WhenAsync(agent, id, EventState.Delivered);

        // What the sockets of both ends hold comes on top.
        Assert.InRange(await sent.WaitAsync(RelayHost.Patience), 0, 32 << 20);
    }

    [Theory, OnEachStore]
    public async Task An_endpoint_that_breaks_off_or_is_not_there_is_a_failed_attempt(string store)
    {
        await using var target = await EndpointTarget.StartAsync();
        target.Answer = static context =>
        {
            context.Abort();
            return Task.CompletedTask;
        };
        await using var relay = await HttpFallbackHost.StartAsync(store);
        var agent = await relay.RegisterAsync(target, """{"retry_delays_ms":[60000]}""");
        var broken = await relay.QueueAsync(agent);
        var attempt = (await relay.WhenAsync(agent, broken, EventState.Waiting)).Attempts[0];
        Assert.Equal((AttemptOutcome.ConnectionLost, "The endpoint broke off or did not answer with HTTP."), (attempt.Outcome, attempt.Reason));

        var absent = await relay.RegisterAsync("""{"http_endpoint":"http://127.0.0.1:1/x","delivery":{"retry_delays_ms":[60000]}}""");
        var refused = await relay.QueueAsync(absent);
        attempt = (await relay.WhenAsync(absent, refused, EventState.Waiting)).Attempts[0];
        Assert.Equal((AttemptOutcome.ConnectionLost, "The endpoint could not be connected to."), (attempt.Outcome, attempt.Reason));
    }

    /// <summary>Answers one request with 200 and a body that does not end; returns how many bytes went out until the connection was cut.</summary>
    private static async Task<long> AnswerWithoutEndAsync(TcpListener listener)
    {
        using var socket = await listener.AcceptSocketAsync();
        var block = new byte[16 << 10];
        await socket.ReceiveAsync(block);
        await socket.SendAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff0\r\n"u8.ToArray());
        var sent = 0L;
        try
        {
            while (true)
            {
                sent += await socket.SendAsync(block);
            }
        }
        catch (SocketException)
        {
            return sent;
        }
    }

    private static long Timestamp(Post post) => long.Parse(post.Headers["x-relay-timestamp"], CultureInfo.InvariantCulture);
}
