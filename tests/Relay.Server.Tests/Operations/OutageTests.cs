using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json;
using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Storage.Embedded;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Operations;

/// <summary>The store fails and comes back under one server process: what senders, agents and operators see.</summary>
public sealed class OutageTests
{
    /// <summary>How long a sender may wait to be told: the store gives up calls before.</summary>
    private static readonly TimeSpan Quickly = TimeSpan.FromSeconds(8);

    public enum Outage
    {
        Stopped,
        Killed,
        Frozen,
    }

    [Theory]
    [InlineData(Outage.Stopped)]
    [InlineData(Outage.Killed)]
    [InlineData(Outage.Frozen)]
    public async Task An_outage_of_redis_is_said_and_passes_without_a_restart(Outage outage)
    {
        await using var relay = await StartOnOwnRedisAsync();
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);
        var first = await relay.QueueAsync(agent);
        Assert.Equal(first, (await connected.ReceiveWebhookAsync()).Id);

        await BreakAsync(relay, outage);
        await ExpectUnavailableAsync(relay, agent);
        await ExpectUnavailableAsync(relay, agent);
        await connected.AckAsync(first);
        await connected.AssertSilentAsync();
        await Eventually.AsyncTrue(() => relay.Logs.Texts.Any(static text => text.Contains("does not answer", StringComparison.Ordinal)));

        await RepairAsync(relay, outage);
        await Eventually.AsyncTrue(() => IsReadyAsync(relay));
        await relay.WhenAsync(agent, first, EventState.Delivered);
        var second = await relay.QueueAsync(agent);

        // A Redis that only hung does in the end what it was asked: what was answered 503 may come too.
        for (string? received = null; received != second;)
        {
            received = (await connected.ReceiveWebhookAsync()).Id;
            await connected.AckAsync(received);
        }

        var found = await relay.WhenAsync(agent, second, EventState.Delivered);
        Assert.Equal(AttemptOutcome.Acked, Assert.Single(found.Attempts).Outcome);
    }

    [Fact]
    public async Task What_waits_is_delivered_in_order_after_an_outage_although_redis_forgot_scripts_and_signals()
    {
        await using var relay = await StartOnOwnRedisAsync();
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent, maxInFlight: 1);
        List<string> sent = [];
        for (var i = 0; i < 20; i++)
        {
            sent.Add(await relay.QueueAsync(agent));
        }

        Assert.Equal(sent[0], (await connected.ReceiveWebhookAsync()).Id);
        await BreakAsync(relay, Outage.Killed);
        await connected.AckAsync(sent[0]);
        await ExpectUnavailableAsync(relay, agent);
        await RepairAsync(relay, Outage.Killed);

        List<string> received = [sent[0]];
        while (received.Count < sent.Count)
        {
            received.Add((await connected.ReceiveWebhookAsync()).Id);
            await connected.AckAsync(received[^1]);
        }

        Assert.Equal(sent, received);
    }

    [Fact]
    public async Task An_agent_that_connects_during_an_outage_is_sent_away_to_come_again()
    {
        await using var relay = await StartOnOwnRedisAsync();
        relay.Logs.Expect(1204);
        var agent = await relay.RegisterAsync();
        var id = await relay.QueueAsync(agent);
        await BreakAsync(relay, Outage.Stopped);

        await using (var refused = await relay.OpenAsync())
        {
            await refused.SendAsync(JsonSerializer.Serialize(new { type = "auth", relay_id = "", api_key = agent.ApiKey }));
            Assert.Equal(CloseCodes.Internal, await refused.ReadToCloseAsync());
        }

        await RepairAsync(relay, Outage.Stopped);
        await Eventually.AsyncTrue(() => IsReadyAsync(relay));
        await using var connected = await relay.ConnectAsync(agent);
        Assert.Equal(id, (await connected.ReceiveWebhookAsync()).Id);
    }

    [Fact]
    public async Task An_outage_of_redis_is_logged_a_few_times_and_not_for_every_try()
    {
        await using var relay = await StartOnOwnRedisAsync(ownClock: true);
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);
        await BreakAsync(relay, Outage.Stopped);

        // Several sweeps and many tries.
        for (var i = 0; i < 60; i++)
        {
            relay.Clock!.Advance(TimeSpan.FromSeconds(0.5));
            await connected.AssertSilentAsync();
        }

        Assert.Single(relay.Logs.Texts, static text => text.StartsWith("The queue of ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_embedded_store_that_refuses_writes_is_said_and_passes_without_a_restart()
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        relay.Logs.Expect(1001, 1102, 1111, 2001);
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);
        var first = await relay.QueueAsync(agent);
        await connected.ReceiveWebhookAsync();

        await LimitAsync(relay, pages: 1);
        await Eventually.AsyncTrue(async () =>
        {
            // The file may have a few pages free yet.
            using var response = await relay.PostAsync(agent, new byte[20_000]);
            return response.StatusCode == HttpStatusCode.ServiceUnavailable;
        });
        using (var response = await relay.PostAsync(agent, new byte[20_000]))
        {
            await Expect.ErrorAsync(response, HttpStatusCode.ServiceUnavailable, "store_unavailable");
            Assert.InRange(response.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 60);
        }

        await connected.AckAsync(first);
        await LimitAsync(relay, pages: 1_000_000);
        await Eventually.AsyncTrue(() => IsReadyAsync(relay));
        await relay.WhenAsync(agent, first, EventState.Delivered);
        var last = await relay.QueueAsync(agent);
        while ((await connected.ReceiveWebhookAsync()).Id != last)
        {
        }
    }

    [Fact]
    public async Task A_store_that_refuses_is_logged_once_a_second_however_many_it_refuses()
    {
        await using var relay = await RelayHost.StartAsync("embedded", ownClock: true);
        relay.Logs.Expect(1001, 1102, 2001);
        var agent = await relay.RegisterAsync();
        await LimitAsync(relay, pages: 1);
        await Eventually.AsyncTrue(async () => await PostAsync() == HttpStatusCode.ServiceUnavailable);

        for (var i = 0; i < 50; i++)
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, await PostAsync());
        }

        Assert.Equal([1], Told());
        relay.Clock!.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal([1, 50], Told());
        relay.Clock!.Advance(TimeSpan.FromSeconds(1));
        await PostAsync();
        Assert.Equal([1, 50, 1], Told());

        async Task<HttpStatusCode> PostAsync()
        {
            using var response = await relay.PostAsync(agent, new byte[20_000]);
            return response.StatusCode;
        }

        IEnumerable<int> Told() => relay.Logs.Texts
            .Where(static text => text.StartsWith("The store could not take ", StringComparison.Ordinal))
            .Select(static text => int.Parse(text.Split(' ')[5], CultureInfo.InvariantCulture));
    }

    [Fact]
    public async Task A_writer_that_stands_still_makes_the_server_unready_in_time()
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        using var goOn = new ManualResetEventSlim();
        var store = (EmbeddedStore)relay.Services.GetService(typeof(EmbeddedStore))!;
        var stuck = store.Writer.RunAsync(_ => goOn.Wait(RelayHost.Patience));

        var took = Stopwatch.StartNew();
        using var ready = await relay.Http.GetAsync(new Uri("/readyz", UriKind.Relative));
        using var alive = await relay.Http.GetAsync(new Uri("/healthz", UriKind.Relative));

        Assert.True(took.Elapsed < Quickly, $"It took {took.Elapsed}.");
        Assert.Equal((HttpStatusCode.ServiceUnavailable, HttpStatusCode.OK), (ready.StatusCode, alive.StatusCode));
        goOn.Set();
        await stuck;
        await Eventually.AsyncTrue(() => IsReadyAsync(relay));
    }

    [Fact]
    public async Task An_agent_that_acknowledges_nonsense_while_the_store_stands_still_does_not_fill_the_log()
    {
        await using var relay = await RelayHost.StartAsync("embedded");
        relay.Logs.Expect(1113);
        var agent = await relay.RegisterAsync();
        await using var connected = await relay.ConnectAsync(agent);
        using var goOn = new ManualResetEventSlim();
        var store = (EmbeddedStore)relay.Services.GetService(typeof(EmbeddedStore))!;
        var stuck = store.Writer.RunAsync(_ => goOn.Wait(RelayHost.Patience));

        await connected.AckAsync(Enumerable.Range(0, 40_000).Select(static i => $"evt_{i:x32}"));
        await connected.AssertSilentAsync();

        goOn.Set();
        await stuck;
        Assert.InRange(relay.Logs.Texts.Count(static text => text.Contains("are forgotten", StringComparison.Ordinal)), 1, 10);
    }

    private static async Task<RelayHost> StartOnOwnRedisAsync(bool ownClock = false)
    {
        var relay = RelayHost.Start(await StoreSetup.CreateWithOwnRedisAsync(), ownClock);
        relay.Logs.Expect(1001, 1102, 1111, 1124, 1206, 3001, 3002, 3003, 3004, 3007);
        return relay;
    }

    private static Task BreakAsync(RelayHost relay, Outage outage) => outage switch
    {
        Outage.Stopped => relay.Store.Redis.StopAsync(),
        Outage.Killed => relay.Store.Redis.KillAsync(),
        _ => relay.Store.Redis.FreezeAsync(),
    };

    private static Task RepairAsync(RelayHost relay, Outage outage) =>
        outage == Outage.Frozen ? relay.Store.Redis.ThawAsync() : relay.Store.Redis.RestartAsync();

    private static async Task ExpectUnavailableAsync(RelayHost relay, RegisterResponse agent)
    {
        var took = Stopwatch.StartNew();
        using var posted = await relay.PostAsync(agent, "{}"u8.ToArray());
        await Expect.ErrorAsync(posted, HttpStatusCode.ServiceUnavailable, "store_unavailable");
        Assert.InRange(posted.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 60);
        await Eventually.AsyncTrue(async () => !await IsReadyAsync(relay));
        using var alive = await relay.Http.GetAsync(new Uri("/healthz", UriKind.Relative));
        Assert.Equal(HttpStatusCode.OK, alive.StatusCode);
        Assert.True(took.Elapsed < Quickly, $"It took {took.Elapsed}.");
    }

    private static async Task<bool> IsReadyAsync(RelayHost relay)
    {
        using var response = await relay.Http.GetAsync(new Uri("/readyz", UriKind.Relative));
        var health = await RelayHost.ReadJsonAsync(response);
        Assert.Equal(
            response.IsSuccessStatusCode ? (HttpStatusCode.OK, "healthy") : (HttpStatusCode.ServiceUnavailable, "unhealthy"),
            (response.StatusCode, health.GetProperty("status").GetString()!));
        Assert.Equal(response.IsSuccessStatusCode, !health.TryGetProperty("reason", out var reason) || reason.ValueKind == JsonValueKind.Null);
        return response.IsSuccessStatusCode;
    }

    /// <summary>Lets the file grow no further, as a full disk does.</summary>
    private static async Task LimitAsync(RelayHost relay, int pages)
    {
        var store = (EmbeddedStore)relay.Services.GetService(typeof(EmbeddedStore))!;
        await store.Writer.RunAsync(tables =>
        {
            tables.Database.Execute($"PRAGMA max_page_count = {pages}");
            return true;
        });
    }
}
