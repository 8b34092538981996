using System.Net;
using System.Net.ServerSentEvents;
using System.Text.Json;
using Relay.Protocol;
using Relay.Server.Activities;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Events;

public sealed class FeedTests
{
    [Theory, OnEachStore]
    public async Task The_admin_sees_all_and_an_agent_its_own(string store)
    {
        await using var host = await RelayHost.StartAsync(store);
        var (agent, other) = (await host.RegisterAsync(), await host.RegisterAsync());
        await using var admins = await Feed.OpenAsync(host, agent: null);
        await using var agents = await Feed.OpenAsync(host, agent);

        var first = await host.QueueAsync(other);
        var second = await host.QueueAsync(agent);
        Assert.Equal(("event_queued", other.RelayId, first), await admins.NextAsync());
        Assert.Equal(("event_queued", agent.RelayId, second), await admins.NextAsync());
        Assert.Equal(("event_queued", agent.RelayId, second), await agents.NextAsync());

        await host.DeliverQueuedAsync(agent);
        Assert.Equal("connected", (await agents.NextAsync()).Type);

        // The agent hung up when it had acknowledged: which of the two is stored first is not said.
        Assert.Contains(("event_delivered", agent.RelayId, second), new[] { await agents.NextAsync(), await agents.NextAsync() });
    }

    [Fact]
    public async Task What_happens_on_another_node_is_seen_too()
    {
        await using var host = await RelayHost.StartAsync("redis");
        await using var peer = host.StartAnother();
        var (agent, other) = (await host.RegisterAsync(), await host.RegisterAsync());
        await using var admins = await Feed.OpenAsync(host, agent: null);
        await using var agents = await Feed.OpenAsync(host, agent);

        // The wish to see it has to reach the other node.
        var seen = agents.NextAsync();
        await Eventually.AsyncTrue(async () =>
        {
            await peer.QueueAsync(other);
            await peer.QueueAsync(agent);
            return seen.IsCompleted;
        });

        var own = await seen;
        Assert.Equal(("event_queued", agent.RelayId), (own.Type, own.RelayId));
        var (first, second) = (await admins.NextAsync(), await admins.NextAsync());
        Assert.Equal(("event_queued", "event_queued"), (first.Type, second.Type));
        Assert.Equal(new HashSet<string?> { agent.RelayId, other.RelayId }, [first.RelayId, second.RelayId]);
    }

    [Fact]
    public async Task What_was_lost_between_the_nodes_is_told_as_a_gap()
    {
        await using var host = RelayHost.Start(await StoreSetup.CreateWithOwnRedisAsync());
        host.Logs.Expect(3007);
        await using var feed = await Feed.OpenAsync(host, agent: null);

        Assert.NotEqual(":0", await host.Store.Redis.SendAsync("CLIENT KILL TYPE pubsub"));

        Assert.Equal("gap", (await feed.NextAsync()).Type);
    }

    [Fact]
    public async Task What_another_node_says_and_this_one_cannot_read_is_told_as_a_gap()
    {
        await using var host = await RelayHost.StartAsync("redis");
        await using var feed = await Feed.OpenAsync(host, agent: null);

        Assert.Equal(":1", await host.Store.Redis.SendAsync($"PUBLISH {host.Store.Settings["Relay:Storage:KeyPrefix"]}feed not-json"));

        Assert.Equal("gap", (await feed.NextAsync()).Type);
    }

    [Theory, OnEachStore]
    public async Task A_feed_goes_on_after_the_last_event_that_was_seen(string store)
    {
        await using var host = await RelayHost.StartAsync(store);
        var agent = await host.RegisterAsync();
        string last;
        await using (var feed = await Feed.OpenAsync(host, agent))
        {
            await host.QueueAsync(agent);
            await feed.NextAsync();
            last = feed.LastId!;
        }

        var missed = await host.QueueAsync(agent);
        await using var again = await Feed.OpenAsync(host, agent, last);
        Assert.Equal(missed, (await again.NextAsync()).EventId);
    }

    [Theory]
    [OnEachStore("00000000-7")]
    [OnEachStore("x")]
    [OnEachStore("-1")]
    public async Task An_id_that_this_node_does_not_know_is_answered_with_a_gap(string store, string lastId)
    {
        await using var host = await RelayHost.StartAsync(store);
        var agent = await host.RegisterAsync();
        await using var feed = await Feed.OpenAsync(host, agent, lastId);

        Assert.Equal("gap", (await feed.NextAsync()).Type);
        var id = await host.QueueAsync(agent);
        Assert.Equal(id, (await feed.NextAsync()).EventId);
    }

    [Fact]
    public async Task A_slow_subscriber_is_told_that_it_missed_something_and_holds_up_nobody()
    {
        var feed = new ActivityFeed(TimeProvider.System);
        using var ends = new CancellationTokenSource(RelayHost.Patience);
        await using var slow = feed.ReadAsync(only: null, lastEventId: null, ends.Token).GetAsyncEnumerator();
        Assert.True(await slow.MoveNextAsync());
        var agent = RelayId.New();
        for (var i = 0; i < 5000; i++)
        {
            feed.Publish(new AgentActivity(agent, ActivityType.Connected, DateTimeOffset.FromUnixTimeMilliseconds(i)));
        }

        Assert.True(await slow.MoveNextAsync());
        Assert.Equal("gap", slow.Current.EventType);
        Assert.True(await slow.MoveNextAsync());
        Assert.Equal(5000 - 4096, JsonElement.Parse(slow.Current.Data).GetProperty("at").GetInt64());
    }

    [Fact]
    public async Task A_subscriber_is_sent_something_although_all_that_happens_is_others()
    {
        var clock = new FakeTimeProvider();
        var feed = new ActivityFeed(clock);
        using var ends = new CancellationTokenSource(RelayHost.Patience);
        await using var quiet = feed.ReadAsync(RelayId.New(), lastEventId: null, ends.Token).GetAsyncEnumerator();
        Assert.True(await quiet.MoveNextAsync());

        var next = quiet.MoveNextAsync().AsTask();
        await Eventually.AsyncTrue(() =>
        {
            clock.Advance(TimeSpan.FromSeconds(1));
            feed.Publish(new AgentActivity(RelayId.New(), ActivityType.Connected, clock.GetUtcNow()));
            return next.IsCompleted;
        });

        Assert.True(await next);
        Assert.Equal("ping", quiet.Current.EventType);
    }

    [Fact]
    public void One_agents_subscribers_leave_room_for_others()
    {
        var feed = new ActivityFeed(TimeProvider.System);
        var agent = RelayId.New();
        for (var i = 0; i < ActivityFeed.MostOfOneAgent; i++)
        {
            Assert.True(feed.TryJoin(agent));
        }

        Assert.False(feed.TryJoin(agent));
        Assert.True(feed.TryJoin(RelayId.New()));
        Assert.True(feed.TryJoin(only: null));
        feed.Leave(agent);
        Assert.True(feed.TryJoin(agent));
    }

    [Theory, OnEachStore]
    public async Task A_feed_ends_when_the_server_shuts_down(string store)
    {
        await using var host = await RelayHost.StartAsync(store);
        var agent = await host.RegisterAsync();
        await using var feed = await Feed.OpenAsync(host, agent);
        await host.RestartAsync();

        Assert.True(await feed.EndsAsync());
    }

    [Theory, OnEachStore]
    public async Task A_feed_ends_when_its_agents_key_opens_nothing_any_more(string store)
    {
        await using var host = await RelayHost.StartAsync(store);
        var (agent, other) = (await host.RegisterAsync(), await host.RegisterAsync());
        await using var feed = await Feed.OpenAsync(host, agent);
        await using var others = await Feed.OpenAsync(host, other);

        await host.DeactivateAsync(agent);

        Assert.True(await feed.EndsAsync().WaitAsync(TimeSpan.FromSeconds(10)));
        var id = await host.QueueAsync(other);
        Assert.Equal(id, (await others.NextAsync()).EventId);
    }

    [Theory, OnEachStore]
    public async Task A_feed_needs_a_key(string store)
    {
        await using var host = await RelayHost.StartAsync(store);
        await Expect.ErrorAsync(await host.Http.GetAsync(new Uri("/api/v1/feed", UriKind.Relative)), HttpStatusCode.Unauthorized, "invalid_api_key");
    }

    /// <summary>A subscriber. Pings are not shown.</summary>
    private sealed class Feed : IAsyncDisposable
    {
        private readonly HttpResponseMessage _response;
        private readonly CancellationTokenSource _patience = new(RelayHost.Patience);
        private readonly IAsyncEnumerator<SseItem<string>> _items;

        private Feed(HttpResponseMessage response, Stream stream)
        {
            _response = response;
            _items = SseParser.Create(stream).EnumerateAsync(_patience.Token).GetAsyncEnumerator();
        }

        public string? LastId { get; private set; }

        public static async Task<Feed> OpenAsync(RelayHost host, RegisterResponse? agent, string? lastId = null)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/feed");
            request.Headers.Add(agent is null ? "X-Admin-Key" : "Authorization", agent is null ? RelayHost.AdminKey : $"Bearer {agent.ApiKey}");
            if (lastId is not null)
            {
                request.Headers.Add("Last-Event-ID", lastId);
            }

            var response = await host.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.MediaType);
            var feed = new Feed(response, await response.Content.ReadAsStreamAsync());
            Assert.Equal("ready", (await feed.NextAsync()).Type);
            return feed;
        }

        public async Task<(string Type, string? RelayId, string? EventId)> NextAsync()
        {
            do
            {
                Assert.True(await _items.MoveNextAsync());
            }
            while (_items.Current.EventType == "ping");

            LastId = _items.Current.EventId ?? LastId;
            var data = JsonElement.Parse(_items.Current.Data);
            return (_items.Current.EventType, Text("relay_id"), Text("event_id"));

            string? Text(string name) => data.TryGetProperty(name, out var value) ? value.GetString() : null;
        }

        public async Task<bool> EndsAsync()
        {
            while (await _items.MoveNextAsync())
            {
            }

            return true;
        }

        public async ValueTask DisposeAsync()
        {
            await _items.DisposeAsync();
            _response.Dispose();
            _patience.Dispose();
        }
    }
}
