using System.Net;
using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Delivery;

/// <summary>An agent's own delivery settings, at work: given at the registration, or changed while it is connected.</summary>
public sealed class AgentSettingsTests
{
    [Theory]
    [OnEachStore(true)]
    [OnEachStore(false)]
    public async Task Its_own_ack_timeout_and_retry_delays_hold(string store, bool changedLater)
    {
        const string Settings = """{"delivery":{"ack_timeout_ms":2000,"retry_delays_ms":[20000]}}""";
        await using var relay = await RelayHost.StartAsync(store, ownClock: true);
        var agent = await (changedLater ? relay.RegisterAsync() : relay.RegisterAsync(Settings));
        await using var connected = await relay.ConnectAsync(agent);
        if (changedLater)
        {
            await ChangeAsync(relay, agent, Settings);
        }

        var id = await relay.QueueAsync(agent);
        var first = await connected.ReceiveWebhookAsync();
        var second = await relay.AdvanceUntilAsync(connected.ReceiveWebhookAsync(), TimeSpan.FromMilliseconds(500));

        Assert.Equal((id, id), (first.Id, second.Id));
        Assert.InRange(second.Timestamp - first.Timestamp, 2000 + 16_000, 2000 + 24_000 + 8_000);
    }

    [Theory]
    [OnEachStore(true)]
    [OnEachStore(false)]
    public async Task Its_own_number_of_attempts_holds(string store, bool changedLater)
    {
        const string Settings = """{"delivery":{"max_attempts":1}}""";
        await using var relay = await RelayHost.StartAsync(store);
        relay.Logs.Expect(1101, 1123);
        var agent = await (changedLater ? relay.RegisterAsync() : relay.RegisterAsync(Settings));
        await using var connected = await relay.ConnectAsync(agent);
        if (changedLater)
        {
            await ChangeAsync(relay, agent, Settings);
        }

        var id = await relay.QueueAsync(agent);
        await connected.ReceiveWebhookAsync();
        await connected.SendAsync($$"""{"type":"nack","id":"{{id}}"}""");

        await relay.WhenAsync(agent, id, EventState.Dead);
    }

    [Theory]
    [OnEachStore(true)]
    [OnEachStore(false)]
    public async Task Its_own_retention_holds(string store, bool changedLater)
    {
        const string Settings = """{"delivery":{"retention_seconds":60}}""";
        await using var relay = await RelayHost.StartAsync(store, ownClock: true);
        relay.Logs.Expect(1101, 1123);
        var agent = await relay.RegisterAsync(changedLater ? "{}" : Settings);
        var old = await relay.QueueAsync(agent);
        relay.Clock!.Advance(TimeSpan.FromMinutes(1));
        if (changedLater)
        {
            await relay.PatchAsync(agent, Settings);
        }

        var fresh = await relay.QueueAsync(agent);
        await using var connected = await relay.ConnectAsync(agent);

        // The sweep may have been faster than the connection.
        Assert.Equal(fresh, (await connected.ReceiveWebhookAsync(afterGap: true)).Id);
        await relay.WhenAsync(agent, old, EventState.Expired);
    }

    [Theory, OnEachStore]
    public async Task Its_own_window_holds_and_is_the_most_that_a_connection_gets(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync("""{"delivery":{"max_in_flight":2}}""");
        for (var i = 0; i < 8; i++)
        {
            await relay.QueueAsync(agent);
        }

        await using (var silent = await relay.ConnectAsync(agent))
        {
            await silent.ReceiveWebhookIdsAsync(2);
            await silent.AssertSilentAsync();
        }

        await using var greedy = await relay.ConnectAsync(agent, maxInFlight: 100);
        await greedy.ReceiveWebhookIdsAsync(2);
        await greedy.AssertSilentAsync();
    }

    [Theory, OnEachStore]
    public async Task A_window_changed_while_connected_grows_and_shrinks(string store)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync("""{"delivery":{"max_in_flight":2}}""");
        await using var connected = await relay.ConnectAsync(agent);
        for (var i = 0; i < 10; i++)
        {
            await relay.QueueAsync(agent);
        }

        var held = await connected.ReceiveWebhookIdsAsync(2);
        await ChangeAsync(relay, agent, """{"delivery":{"max_in_flight":4}}""");
        held.AddRange(await connected.ReceiveWebhookIdsAsync(2));
        await connected.AssertSilentAsync();

        await ChangeAsync(relay, agent, """{"delivery":{"max_in_flight":1}}""");
        await connected.AckAsync(held[..3]);
        await relay.WhenAsync(agent, held[2], EventState.Delivered);
        await connected.AssertSilentAsync();

        await connected.AckAsync(held[3]);
        await connected.ReceiveWebhookIdsAsync(1);
        await connected.AssertSilentAsync();
    }

    [Theory]
    [OnEachStore("max_queued_events", 2)]
    [OnEachStore("max_queued_bytes", 600)]
    public async Task Its_own_quota_holds_from_the_change_on(string store, string setting, long limit)
    {
        await using var relay = await RelayHost.StartAsync(store);
        var agent = await relay.RegisterAsync();
        await relay.QueueAsync(agent);
        await relay.QueueAsync(agent);
        using var before = await relay.PostAsync(agent, new byte[200]);
        Assert.Equal(HttpStatusCode.Accepted, before.StatusCode);

        await relay.PatchAsync(agent, $$$"""{"delivery":{"{{{setting}}}":{{{limit}}} } }""");

        using var full = await relay.PostAsync(agent, new byte[200]);
        await Expect.ErrorAsync(full, HttpStatusCode.ServiceUnavailable, "queue_full");

        await relay.PatchAsync(agent, """{"delivery":null}""");
        using var after = await relay.PostAsync(agent, new byte[200]);
        Assert.Equal(HttpStatusCode.Accepted, after.StatusCode);
    }

    [Fact]
    public async Task A_change_made_on_one_node_holds_on_the_others()
    {
        await using var relay = await RelayHost.StartAsync("redis");
        await using var peer = relay.StartAnother();
        var agent = await relay.RegisterAsync("""{"delivery":{"max_in_flight":1}}""");
        await using var connected = await peer.ConnectAsync(agent);
        await peer.QueueAsync(agent);
        await relay.QueueAsync(agent);
        await connected.ReceiveWebhookIdsAsync(1);

        await relay.PatchAsync(agent, """{"delivery":{"max_in_flight":2}}""");

        await connected.ReceiveWebhookAsync().WaitAsync(TimeSpan.FromSeconds(1));
    }

    /// <summary>Changes the agent and waits until its connection has it.</summary>
    private static async Task ChangeAsync(RelayHost relay, RegisterResponse agent, string json)
    {
        await relay.PatchAsync(agent, json);
        await relay.AppliedAsync(agent);
    }
}
