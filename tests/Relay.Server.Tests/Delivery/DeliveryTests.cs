using System.Text;
using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Delivery;

/// <summary>The delivery rules, through the wire.</summary>
public sealed class DeliveryTests
{
    [Theory, OnEachStore]
    public async Task What_waited_and_what_comes_later_is_delivered_in_order(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync();
        List<string> sent = [];
        for (var i = 0; i < 150; i++)
        {
            sent.Add(await relay.QueueAsync(agent, $"[{i}]"));
        }

        await using var connected = await relay.ConnectAsync(agent, maxInFlight: 10);
        List<string> received = [];
        for (var i = 0; i < 300; i++)
        {
            if (i < 150)
            {
                sent.Add(await relay.QueueAsync(agent, $"[{i + 150}]"));
            }

            var id = (await connected.ReceiveWebhookAsync()).Id;
            received.Add(id);
            await connected.AckAsync(id);
        }

        Assert.Equal(sent, received);
        await connected.AssertSilentAsync();
    }

    [Theory, OnEachStore]
    public async Task Posts_side_by_side_are_all_delivered_once(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);

        var posts = Enumerable.Range(0, 500).Select(_ => relay.QueueAsync(agent)).ToArray();
        List<string> received = [];
        while (received.Count < posts.Length)
        {
            var id = (await connected.ReceiveWebhookAsync()).Id;
            received.Add(id);
            await connected.AckAsync(id);
        }

        Assert.Equal((await Task.WhenAll(posts)).Order(), received.Order());
        await connected.AssertSilentAsync();
    }

    [Theory, OnEachStore]
    public async Task No_more_than_the_window_is_in_flight(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent, maxInFlight: 3);
        for (var i = 0; i < 10; i++)
        {
            await relay.QueueAsync(agent);
        }

        var first = await connected.ReceiveWebhookIdsAsync(3);
        await connected.AssertSilentAsync();

        await connected.AckAsync(first[0]);
        await connected.ReceiveWebhookIdsAsync(1);
        await connected.AssertSilentAsync();
    }

    [Theory, OnEachStore]
    public async Task An_acknowledged_event_is_delivered_and_its_attempt_kept(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);
        var id = await relay.QueueAsync(agent);
        await connected.ReceiveWebhookAsync();

        await connected.SendAsync($$"""{"type":"ack","id":"{{id}}","timestamp":1}""");

        var found = await relay.WhenAsync(agent, id, EventState.Delivered);
        var attempt = Assert.Single(found.Attempts);
        Assert.Equal((1, "websocket", AttemptOutcome.Acked), (attempt.Number, attempt.Via, attempt.Outcome));
        Assert.Equal(connected.Welcome.GetProperty("session_id").GetString(), attempt.SessionId);
    }

    [Theory, OnEachStore]
    public async Task A_second_ack_is_no_error(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);
        var id = await relay.QueueAsync(agent);
        await connected.ReceiveWebhookAsync();

        await connected.AckAsync(id, id);
        await relay.WhenAsync(agent, id, EventState.Delivered);
        await connected.AckAsync(id);

        await connected.AssertSilentAsync();
    }

    [Theory, OnEachStore]
    public async Task An_ack_for_another_agents_event_is_unknown_and_takes_nothing(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var (agent, thief) = (await relay.RegisterAsync(), await relay.RegisterAsync());
        var id = await relay.QueueAsync(agent);
        await using (var connected = await relay.ConnectAsync(thief))
        {
            await connected.AckAsync(id);
            var error = await connected.ExpectAsync("error");
            Assert.Equal(("unknown_event", id), (error.GetProperty("error").GetString(), error.GetProperty("id").GetString()));
        }

        await using var rightful = await relay.ConnectAsync(agent);
        Assert.Equal(id, (await rightful.ReceiveWebhookAsync()).Id);
    }

    [Theory, OnEachStore]
    public async Task An_unacknowledged_event_is_delivered_again_when_its_lease_ends_signed_anew(string store)
    {
        await using var relay = await RelayHost.StartAsync(store, ownClock: true);
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);
        var id = await relay.QueueAsync(agent, """{"a": 1}""");
        var first = await connected.ReceiveWebhookAsync();

        var second = await relay.AdvanceUntilAsync(connected.ReceiveWebhookAsync());

        Assert.Equal((id, 1, id, 2), (first.Id, first.Attempt, second.Id, second.Attempt));
        Assert.Equal(first.ReceivedAt, second.ReceivedAt);
        Assert.InRange(second.Timestamp - first.Timestamp, 30_000, 40_000);
        Assert.True(ApiKey.TryParse(agent.ApiKey, out var key) & SigningSecret.TryParse(agent.SigningSecret, out var secret));
        Assert.True(second.HasValidSignature(key!) && second.HasValidSignature(secret!));
        Assert.NotEqual(first.Signature, second.Signature);
        Assert.Equal("""{"a": 1}"""u8.ToArray(), second.ExactBody.ToArray());
    }

    [Theory, OnEachStore]
    public async Task A_late_ack_still_counts(string store)
    {
        await using var relay = await RelayHost.StartAsync(store, ownClock: true, ("Relay:Delivery:RetryDelays:0", "01:00:00"));
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);
        var id = await relay.QueueAsync(agent);
        await connected.ReceiveWebhookAsync();
        await relay.AdvanceUntilAsync(relay.WhenAsync(agent, id, EventState.Waiting));

        await connected.AckAsync(id);

        await relay.WhenAsync(agent, id, EventState.Delivered);
    }

    [Theory, OnEachStore]
    public async Task A_nacked_event_comes_again_after_the_asked_delay_and_others_go_on(string store)
    {
        await using var relay = await RelayHost.StartAsync(store, ownClock: true);
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent, maxInFlight: 1);
        var id = await relay.QueueAsync(agent);
        var other = await relay.QueueAsync(agent);
        var first = await connected.ReceiveWebhookAsync();

        await connected.SendAsync($$"""{"type":"nack","id":"{{id}}","reason":"busy","retry_after_ms":20000}""");

        Assert.Equal(other, (await connected.ReceiveWebhookAsync()).Id);
        await connected.AckAsync(other);
        var again = await relay.AdvanceUntilAsync(connected.ReceiveWebhookAsync());
        Assert.Equal((id, 2), (again.Id, again.Attempt));
        Assert.InRange(again.Timestamp - first.Timestamp, 20_000, 30_000);
        var attempt = Assert.Single((await relay.FindAsync(agent, id)).Attempts);
        Assert.Equal((AttemptOutcome.Nacked, "busy"), (attempt.Outcome, attempt.Reason));
    }

    [Theory, OnEachStore]
    public async Task Failed_attempts_follow_the_schedule_until_the_event_is_dead_with_its_history(string store)
    {
        await using var relay = await RelayHost.StartAsync(store, ownClock: true);
        relay.Logs.Expect(1101, 1123);
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);
        var id = await relay.QueueAsync(agent);

        List<long> at = [];
        for (var attempt = 1; attempt <= 6; attempt++)
        {
            var webhook = await relay.AdvanceUntilAsync(connected.ReceiveWebhookAsync(), TimeSpan.FromSeconds(attempt <= 4 ? 0.5 : 10));
            Assert.Equal((id, attempt), (webhook.Id, webhook.Attempt));
            at.Add(webhook.Timestamp);
            await connected.SendAsync($$"""{"type":"nack","id":"{{id}}","reason":"no {{attempt}}"}""");
        }

        var found = await relay.WhenAsync(agent, id, EventState.Dead);
        Assert.Equal(Enumerable.Range(1, 6).Select(static i => (i, AttemptOutcome.Nacked, (string?)$"no {i}")), found.Attempts.Select(static a => (a.Number, a.Outcome, a.Reason)));
        Assert.Contains(relay.Logs.Texts, text => text.Contains(id, StringComparison.Ordinal) && text.Contains("given up", StringComparison.Ordinal));
        double[] expected = [1, 5, 30, 120, 600];
        foreach (var (pause, i) in at.Zip(at.Skip(1), static (a, b) => (b - a) / 1000.0).Select(static (pause, i) => (pause, i)))
        {
            Assert.InRange(pause, 0.8 * expected[i], (1.2 * expected[i]) + 30);
        }
    }

    [Theory, OnEachStore]
    public async Task The_agent_can_dead_letter_an_event_itself(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);
        var id = await relay.QueueAsync(agent);
        await connected.ReceiveWebhookAsync();

        await connected.SendAsync($$"""{"type":"nack","id":"{{id}}","reason":"poison","dead_letter":true}""");

        var found = await relay.WhenAsync(agent, id, EventState.Dead);
        Assert.Equal("poison", Assert.Single(found.Attempts).Reason);
    }

    [Theory, OnEachStore]
    public async Task Of_a_long_reason_the_beginning_is_kept(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);
        var id = await relay.QueueAsync(agent);
        await connected.ReceiveWebhookAsync();

        // The 500th character is the first half of a pair.
        var reason = new string('x', 499) + string.Concat(Enumerable.Repeat("\U0001F600", 10_000));
        await connected.SendAsync($$"""{"type":"nack","id":"{{id}}","reason":"{{reason}}","dead_letter":true}""");

        var found = await relay.WhenAsync(agent, id, EventState.Dead);
        Assert.Equal(new string('x', 499), Assert.Single(found.Attempts).Reason);
    }

    [Theory, OnEachStore]
    public async Task A_retention_as_long_as_can_be_is_for_ever(string store)
    {
        await using var relay = await RelayHost.StartAsync(store, settings: ("Relay:Delivery:Retention", "3650.00:00:00"));
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);

        var id = await relay.QueueAsync(agent);

        Assert.Equal(id, (await connected.ReceiveWebhookAsync()).Id);
    }

    [Theory, OnEachStore]
    public async Task An_extended_event_is_not_delivered_again_while_it_is_extended(string store)
    {
        await using var relay = await RelayHost.StartAsync(store, ownClock: true);
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);
        var id = await relay.QueueAsync(agent);
        var first = await connected.ReceiveWebhookAsync();

        for (var i = 0; i < 5; i++)
        {
            relay.Clock!.Advance(TimeSpan.FromSeconds(20));
            await connected.SendAsync($$"""{"type":"extend","id":"{{id}}"}""");
            await connected.AssertSilentAsync();
            await Eventually.Async(() => relay.FindAsync(agent, id), found => found.DueAt >= relay.Clock.GetUtcNow().AddSeconds(30));
        }

        var second = await relay.AdvanceUntilAsync(connected.ReceiveWebhookAsync());
        Assert.Equal((id, 2), (second.Id, second.Attempt));
        Assert.InRange(second.Timestamp - first.Timestamp, 130_000, 140_000);
    }

    [Theory, OnEachStore]
    public async Task However_often_the_connection_is_lost_it_counts_once(string store)
    {
        await using var relay = await RelayHost.StartAsync(store, ownClock: true);
        var agent = await relay.RegisterAsync();
        var id = await relay.QueueAsync(agent);

        for (var attempt = 1; attempt <= 10; attempt++)
        {
            await using var connected = await relay.ConnectAsync(agent);
            var webhook = await relay.AdvanceUntilAsync(connected.ReceiveWebhookAsync());
            Assert.Equal((id, attempt), (webhook.Id, webhook.Attempt));
            connected.Cut();
            await relay.WhenAsync(agent, id, EventState.Waiting);
        }

        var found = await relay.FindAsync(agent, id);
        Assert.Equal(1, found.Failures);
        Assert.All(found.Attempts, static attempt => Assert.Equal(AttemptOutcome.ConnectionLost, attempt.Outcome));
    }

    [Theory, OnEachStore]
    public async Task What_waited_longer_than_the_retention_is_given_up_as_expired(string store)
    {
        await using var relay = await RelayHost.StartAsync(store, ownClock: true);
        relay.Logs.Expect(1101, 1123);
        var agent = await relay.RegisterAsync();
        var old = await relay.QueueAsync(agent);
        relay.Clock!.Advance(TimeSpan.FromDays(7));
        var fresh = await relay.QueueAsync(agent);

        await using var connected = await relay.ConnectAsync(agent);

        // The sweep may have been faster than the connection.
        Assert.Equal(fresh, (await connected.ReceiveWebhookAsync(afterGap: true)).Id);
        await relay.WhenAsync(agent, old, EventState.Expired);
    }

    [Theory, OnEachStore]
    public async Task An_agent_that_does_not_read_costs_only_itself(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var (slow, fast) = (await relay.RegisterAsync(), await relay.RegisterAsync());
        await using var stuck = await relay.ConnectAsync(slow, maxInFlight: 1024);
        await using var quick = await relay.ConnectAsync(fast);
        var large = Encoding.ASCII.GetBytes($"\"{new string('x', 500_000)}\"");

        List<string> sent = [];
        for (var i = 0; i < 60; i++)
        {
            using var response = await relay.PostAsync(slow, large);
            sent.Add((await RelayHost.ReadJsonAsync(response)).GetProperty("id").GetString()!);
            var id = await relay.QueueAsync(fast);
            Assert.Equal(id, (await quick.ReceiveWebhookAsync()).Id);
            await quick.AckAsync(id);
        }

        List<string> received = [];
        while (received.Count < sent.Count)
        {
            var webhook = await stuck.ReceiveWebhookAsync();
            received.Add(webhook.Id);
            await stuck.AckAsync(webhook.Id);
        }

        Assert.Equal(sent, received);
    }
}
