using System.Net;
using System.Text;
using System.Text.Json;
using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Events.Replays;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Events;

public sealed class ReplayTests
{
    [Theory, OnEachStore]
    public async Task A_dead_and_a_delivered_event_are_delivered_again_with_their_exact_bytes(string store)
    {
        await using var host = await RelayHost.StartAsync(store);
        var agent = await host.RegisterAsync();
        foreach (var original in new[] { await host.DeadLetterAsync(agent, "{ \"n\": 1 }"), await host.DeliverAsync(agent, "{ \"n\": 2 }") })
        {
            var replay = await ReplayAsync(host, agent, original);
            Assert.NotEqual(original, replay);

            await using var connected = await host.ConnectAsync(agent);
            var frame = await connected.ExpectAsync("webhook");
            Assert.Equal((replay, original), (frame.GetProperty("id").GetString(), frame.GetProperty("replay_of").GetString()));
            var webhook = Assert.IsType<WebhookMessage>(Frames.ReadServerMessage(Encoding.UTF8.GetBytes(frame.GetRawText()), out _));
            Assert.Equal((await host.FindAsync(agent, original)).Body.ToArray(), webhook.ExactBody.ToArray());
            Assert.Equal("application/json", webhook.Headers["content-type"]);
            Assert.True(ApiKey.TryParse(agent.ApiKey, out var key) && webhook.HasValidSignature(key));
            await connected.AckAsync(replay);
            await host.WhenAsync(agent, replay, EventState.Delivered);

            Assert.Equal(original, (await host.GetJsonAsync($"events/{replay}", agent)).GetProperty("replay_of").GetString());
        }
    }

    [Theory, OnEachStore]
    public async Task An_expired_event_is_delivered_again(string store)
    {
        await using var host = await RelayHost.StartAsync(store, ownClock: true, ("Relay:Delivery:Retention", "00:01:00"));
        var agent = await host.RegisterAsync();
        var original = await host.QueueAsync(agent);
        host.Logs.Expect(1101, 1123);
        host.Clock!.Advance(TimeSpan.FromMinutes(2));
        await using var connected = await host.ConnectAsync(agent);
        await host.WhenAsync(agent, original, EventState.Expired);

        var replay = await ReplayAsync(host, agent, original);
        Assert.Equal(replay, (await connected.ReceiveWebhookAsync(afterGap: true)).Id);
    }

    [Theory, OnEachStore]
    public async Task A_replay_of_a_replay_names_the_one_it_repeats(string store)
    {
        await using var host = await RelayHost.StartAsync(store);
        var agent = await host.RegisterAsync();
        var replay = await ReplayAsync(host, agent, await host.DeliverAsync(agent));
        await using (var connected = await host.ConnectAsync(agent))
        {
            await connected.ReceiveWebhookAsync();
            await connected.AckAsync(replay);
            await host.WhenAsync(agent, replay, EventState.Delivered);
        }

        var again = await ReplayAsync(host, agent, replay);
        Assert.Equal(replay, (await host.GetJsonAsync($"events/{again}", agent)).GetProperty("replay_of").GetString());
    }

    [Theory, OnEachStore]
    public async Task A_probe_is_not_replayed(string store)
    {
        await using var host = await RelayHost.StartAsync(store);
        var agent = await host.RegisterAsync();
        await using var connected = await host.ConnectAsync(agent);
        var probing = host.PostAsync($"agents/{agent.RelayId}/probe", "", agent);
        var id = (await connected.ExpectAsync("probe")).GetProperty("id").GetString()!;
        await connected.AckAsync(id);
        using var probed = await probing;

        Assert.Equal(("done", 0, 0), Counts(await ReplayManyAsync(host, agent, """{"status":"delivered"}""")));
        using var response = await host.PostAsync($"events/evt_{id["prb_".Length..]}/replay", "", agent);
        await Expect.ErrorAsync(response, HttpStatusCode.NotFound, "unknown_event");
    }

    [Fact]
    public void A_replays_head_is_the_old_one_and_what_it_repeats()
    {
        EventId first = new(1), second = new(2);
        var head = ReplayHead.Of(first, "{\"method\":\"POST\",\"headers\":{\"x\":\",\\\"replay_of\\\":\"}}"u8);
        Assert.Equal($"{{\"method\":\"POST\",\"headers\":{{\"x\":\",\\\"replay_of\\\":\"}},\"replay_of\":\"{first}\"}}", Encoding.UTF8.GetString(head));
        Assert.Equal(Encoding.UTF8.GetString(head).Replace($"{first}", $"{second}", StringComparison.Ordinal), Encoding.UTF8.GetString(ReplayHead.Of(second, head)));
        Assert.Equal($"{{\"replay_of\":\"{first}\"}}", Encoding.UTF8.GetString(ReplayHead.Of(first, "{}"u8)));
    }

    [Theory, OnEachStore]
    public async Task What_is_not_settled_cannot_be_replayed(string store)
    {
        await using var host = await RelayHost.StartAsync(store);
        var agent = await host.RegisterAsync();
        var id = await host.QueueAsync(agent);
        await Expect.ErrorAsync(await host.PostAsync($"events/{id}/replay"), HttpStatusCode.Conflict, "event_not_settled");

        await using var connected = await host.ConnectAsync(agent);
        await connected.ReceiveWebhookAsync();
        await Expect.ErrorAsync(await host.PostAsync($"events/{id}/replay"), HttpStatusCode.Conflict, "event_not_settled");
    }

    [Theory, OnEachStore]
    public async Task A_full_queue_takes_no_replay(string store)
    {
        await using var host = await RelayHost.StartAsync(store, settings: ("Relay:Delivery:MaxQueuedEvents", "1"));
        var agent = await host.RegisterAsync();
        var dead = await host.DeadLetterAsync(agent);
        await host.QueueAsync(agent);

        await Expect.ErrorAsync(await host.PostAsync($"events/{dead}/replay", agent: agent), HttpStatusCode.ServiceUnavailable, "queue_full");
        var ended = await ReplayManyAsync(host, agent, """{"status":"dead"}""");
        Assert.Equal(("failed", 0, 1), Counts(ended));
        Assert.Contains("full", ended.GetProperty("reason").GetString(), StringComparison.Ordinal);
    }

    [Theory, OnEachStore]
    public async Task Many_are_replayed_by_their_status_in_the_order_in_which_they_came(string store)
    {
        await using var host = await RelayHost.StartAsync(store);
        var agent = await host.RegisterAsync();
        const int Count = 40;
        List<string> dead = [];
        await using (var connected = await host.ConnectAsync(agent))
        {
            for (var i = 0; i < Count; i++)
            {
                dead.Add(await host.QueueAsync(agent));
                await connected.ReceiveWebhookAsync();
                await connected.SendAsync(JsonSerializer.Serialize(new { type = "nack", id = dead[i], dead_letter = true }));
            }

            await Eventually.AsyncTrue(async () => (await host.ListIdsAsync(agent, "?status=dead&limit=100")).Length == Count);
        }

        Assert.Equal(("done", Count, 0), Counts(await ReplayManyAsync(host, agent, """{"status":"dead"}""")));
        await using var again = await host.ConnectAsync(agent);
        foreach (var id in dead)
        {
            Assert.Equal(id, (await again.ExpectAsync("webhook")).GetProperty("replay_of").GetString());
        }

        await again.AssertSilentAsync();
    }

    [Theory, OnEachStore]
    public async Task Only_the_newest_in_the_time_asked_for_are_replayed(string store)
    {
        await using var host = await RelayHost.StartAsync(store, ownClock: true);
        var agent = await host.RegisterAsync();
        var start = host.Clock!.GetUtcNow().ToUnixTimeMilliseconds();
        List<string> dead = [];
        for (var i = 0; i < 4; i++)
        {
            dead.Add(await host.DeadLetterAsync(agent));
            host.Clock.Advance(TimeSpan.FromMinutes(10));
        }

        var minute = (long)TimeSpan.FromMinutes(1).TotalMilliseconds;
        var ended = await ReplayManyAsync(host, agent, $$"""{"status":"dead","from":{{start + (5 * minute)}},"to":{{start + (25 * minute)}},"limit":1}""");
        Assert.Equal(("done", 1, 0), Counts(ended));
        await using var connected = await host.ConnectAsync(agent);
        Assert.Equal(dead[2], (await connected.ExpectAsync("webhook")).GetProperty("replay_of").GetString());
        Assert.Equal(("done", 0, 0), Counts(await ReplayManyAsync(host, agent, $$"""{"status":"dead","to":{{start - minute}}}""")));
    }

    [Theory, OnEachStore]
    public async Task A_job_ends_with_the_server_and_says_so(string store)
    {
        await using var host = await RelayHost.StartAsync(store);
        var agent = await host.RegisterAsync();
        for (var i = 0; i < 3; i++)
        {
            await host.DeadLetterAsync(agent);
        }

        using var response = await host.PostAsync($"agents/{agent.RelayId}/replay", """{"status":"dead"}""", agent);
        var job = (await RelayHost.ReadJsonAsync(response)).GetProperty("job_id").GetString()!;
        await host.RestartAsync();

        // However far it came: the last that is heard of it is how far.
        Assert.Contains(host.Logs.Texts, text => text.StartsWith(job, StringComparison.Ordinal) && text.Contains("events were replayed", StringComparison.Ordinal));
        await Expect.ErrorAsync(await host.GetAsync($"replays/{job}", agent), HttpStatusCode.NotFound, "not_found");
    }

    [Theory, OnEachStore]
    public async Task Another_agent_can_neither_replay_nor_look(string store)
    {
        await using var host = await RelayHost.StartAsync(store);
        var (owner, other) = (await host.RegisterAsync(), await host.RegisterAsync());
        var dead = await host.DeadLetterAsync(owner);
        await Expect.ErrorAsync(await host.PostAsync($"events/{dead}/replay", agent: other), HttpStatusCode.NotFound, "unknown_event");
        await Expect.ErrorAsync(await host.PostAsync($"agents/{owner.RelayId}/replay", """{"status":"dead"}""", other), HttpStatusCode.NotFound, "unknown_relay_id");

        var job = (await ReplayManyAsync(host, owner, """{"status":"dead"}""")).GetProperty("job_id").GetString();
        await Expect.ErrorAsync(await host.GetAsync($"replays/{job}", other), HttpStatusCode.NotFound, "not_found");
        Assert.Equal("done", (await host.GetJsonAsync($"replays/{job}")).GetProperty("status").GetString());
        await Expect.ErrorAsync(await host.Http.GetAsync(new Uri($"/api/v1/replays/{job}", UriKind.Relative)), HttpStatusCode.Unauthorized, "invalid_api_key");
    }

    [Theory, OnEachStore]
    public async Task Garbage_is_refused_with_what_is_allowed(string store)
    {
        await using var host = await RelayHost.StartAsync(store);
        var agent = await host.RegisterAsync();
        foreach (var body in new[]
        {
            null, "", "{}", "[]", "null", "x", "\"dead\"", """{"status":null}""", """{"status":7}""", """{"status":"queued"}""", """{"status":"in_flight"}""", """{"status":"gone"}""",
            """{"status":"dead","limit":0}""", """{"status":"dead","limit":10001}""", """{"status":"dead","limit":1.5}""", """{"status":"dead","limit":"x"}""",
            """{"status":"dead","from":-1}""", """{"status":"dead","from":2,"to":1}""", """{"status":"dead","to":9223372036854775807}""", """{"status":"dead","from":1e400}""",
        })
        {
            await Expect.ErrorAsync(await host.PostAsync($"agents/{agent.RelayId}/replay", body), HttpStatusCode.BadRequest, "invalid_request");
        }

        await Expect.ErrorAsync(
            await host.PostAsync($"agents/{agent.RelayId}/replay", new string(' ', 5000)), HttpStatusCode.RequestEntityTooLarge, "body_too_large");
        await Expect.ErrorAsync(await host.PostAsync("events/x/replay"), HttpStatusCode.NotFound, "unknown_event");
        await Expect.ErrorAsync(await host.PostAsync("agents/x/replay"), HttpStatusCode.NotFound, "unknown_relay_id");
        await Expect.ErrorAsync(await host.GetAsync("replays/x"), HttpStatusCode.NotFound, "not_found");
    }

    private static async Task<string> ReplayAsync(RelayHost host, RegisterResponse agent, string id)
    {
        using var response = await host.PostAsync($"events/{id}/replay", agent: agent);
        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        var answer = await RelayHost.ReadJsonAsync(response);
        Assert.Equal((agent.RelayId, id), (answer.GetProperty("relay_id").GetString(), answer.GetProperty("replay_of").GetString()));
        return answer.GetProperty("id").GetString()!;
    }

    /// <summary>Runs a job to its end.</summary>
    private static async Task<JsonElement> ReplayManyAsync(RelayHost host, RegisterResponse agent, string body)
    {
        using var response = await host.PostAsync($"agents/{agent.RelayId}/replay", body, agent);
        Assert.Equal(HttpStatusCode.Accepted, response.StatusCode);
        var job = (await RelayHost.ReadJsonAsync(response)).GetProperty("job_id").GetString();
        return await Eventually.Async(
            () => host.GetJsonAsync($"replays/{job}", agent), static progress => progress.GetProperty("status").GetString() != "running");
    }

    private static (string? Status, int Replayed, int Failed) Counts(JsonElement progress) =>
        (progress.GetProperty("status").GetString(), progress.GetProperty("replayed").GetInt32(), progress.GetProperty("failed").GetInt32());
}
