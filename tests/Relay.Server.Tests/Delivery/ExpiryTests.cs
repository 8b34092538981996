using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Relay.Protocol;
using Relay.Server.Agents;
using Relay.Server.Delivery;
using Relay.Server.Storage;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Delivery;

public sealed class ExpiryTests
{
    private const int ExpiredInSweep = 1123;
    private const int Many = 2000;

    [Theory, OnEachStore]
    public async Task Events_of_an_agent_that_never_comes_expire_and_it_is_told_when_it_comes(string store)
    {
        await using var relay = await StartAsync(store);
        var agent = await relay.RegisterAsync();
        var first = await relay.QueueAsync(agent);
        relay.Clock!.Advance(TimeSpan.FromDays(1));
        var last = await relay.QueueAsync(agent);
        relay.Clock.Advance(TimeSpan.FromDays(1));
        var kept = await relay.QueueAsync(agent);

        relay.Clock.Advance(TimeSpan.FromDays(6) - TimeSpan.FromMinutes(1));
        await ExpiredAsync(relay, agent, first, last);
        Assert.Equal(EventState.Ready, (await relay.FindAsync(agent, kept)).State);

        await using var connected = await relay.ConnectAsync(agent);
        Assert.Equal(1, connected.Welcome.GetProperty("pending").GetInt64());
        var gap = await connected.ExpectAsync("gap");
        Assert.Equal(("expired", 2), (gap.GetProperty("reason").GetString(), gap.GetProperty("count").GetInt32()));
        Assert.Equal(await AcceptedAtAsync(relay, agent, first), gap.GetProperty("from").GetInt64());
        Assert.Equal(await AcceptedAtAsync(relay, agent, last), gap.GetProperty("to").GetInt64());
        Assert.Equal(kept, (await connected.ReceiveWebhookAsync()).Id);
    }

    [Theory, OnEachStore]
    public async Task A_gap_is_told_until_the_agent_has_shown_that_it_lives(string store)
    {
        await using var relay = await StartAsync(store);
        var agent = await relay.RegisterAsync();
        var id = await relay.QueueAsync(agent);
        relay.Clock!.Advance(TimeSpan.FromDays(8));
        await ExpiredAsync(relay, agent, id);

        for (var i = 0; i < 2; i++)
        {
            await using var deaf = await relay.ConnectAsync(agent);
            await deaf.ExpectAsync("gap");
            deaf.Cut();
        }

        await using (var alive = await relay.ConnectAsync(agent))
        {
            await alive.ExpectAsync("gap");
            await alive.AckAsync(id);
            await relay.WhenAsync(agent, id, EventState.Delivered);
            await alive.CloseAsync();
        }

        await using var again = await relay.ConnectAsync(agent);
        await again.AssertSilentAsync();
    }

    [Theory, OnEachStore]
    public async Task A_shorter_retention_holds_at_once_for_what_waits(string store)
    {
        await using var relay = await StartAsync(store);
        var agent = await relay.RegisterAsync();
        var id = await relay.QueueAsync(agent);
        relay.Clock!.Advance(TimeSpan.FromHours(2));

        await relay.PatchAsync(agent, """{"delivery":{"retention_seconds":3600}}""");

        await ExpiredAsync(relay, agent, id);
    }

    [Theory, OnEachStore]
    public async Task Events_of_a_deactivated_agent_expire_too(string store)
    {
        await using var relay = await StartAsync(store);
        var agent = await relay.RegisterAsync();
        var id = await relay.QueueAsync(agent);
        await relay.DeactivateAsync(agent);

        relay.Clock!.Advance(TimeSpan.FromDays(8));

        await ExpiredAsync(relay, agent, id);
    }

    [Theory, OnEachStore]
    public async Task Thousands_of_events_expire_and_make_room(string store)
    {
        await using var relay = await StartAsync(store, ("Relay:Delivery:MaxQueuedEvents", "2000"));
        var agent = await relay.RegisterAsync("""{"delivery":{"paused":true,"retention_seconds":60}}""");
        await Task.WhenAll(Enumerable.Range(0, Many).Select(_ => relay.QueueAsync(agent)));
        using (var refused = await relay.PostAsync(agent, "{}"u8.ToArray()))
        {
            await Expect.ErrorAsync(refused, System.Net.HttpStatusCode.ServiceUnavailable, ErrorCodes.QueueFull);
        }

        relay.Clock!.Advance(TimeSpan.FromMinutes(2));
        await relay.AdvanceUntilAsync(Eventually.Async(() => CountExpiredAsync(relay, agent), static count => count == Many));

        await relay.QueueAsync(agent);
    }

    [Fact]
    public async Task Of_two_nodes_one_expires_an_event()
    {
        await using var relay = await StartAsync("redis");
        await using var other = relay.StartAnother();
        other.Logs.Expect(ExpiredInSweep);
        var agents = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => relay.RegisterAsync()));
        var ids = await Task.WhenAll(agents.Select(agent => relay.QueueAsync(agent)));

        relay.Clock!.Advance(TimeSpan.FromDays(8));

        foreach (var (agent, id) in agents.Zip(ids))
        {
            await ExpiredAsync(relay, agent, id);
            await using var connected = await relay.ConnectAsync(agent);
            Assert.Equal(1, (await connected.ExpectAsync("gap")).GetProperty("count").GetInt32());
        }
    }

    [Theory, OnEachStore]
    public async Task An_agent_that_cannot_be_looked_at_keeps_no_other_from_it(string store)
    {
        await using var relay = RelayHost.Start(await StoreSetup.CreateAsync(store), ownClock: true, BrokenAgents.Add);
        relay.Logs.Expect(ExpiredInSweep, 1124);
        RegisterResponse[] agents = [await relay.RegisterAsync(), await relay.RegisterAsync(), await relay.RegisterAsync()];

        // The broken ones come first, whatever decides.
        agents = [.. agents.OrderBy(static agent => agent.RelayId, StringComparer.Ordinal)];
        string[] events = [await relay.QueueAsync(agents[0]), await relay.QueueAsync(agents[1]), await relay.QueueAsync(agents[2])];
        relay.Clock!.Advance(TimeSpan.FromDays(6));
        var broken = (BrokenAgents)relay.Services.GetRequiredService<IAgentStore>();
        foreach (var which in (int[])[0, 1])
        {
            Assert.True(RelayId.TryParse(agents[which].RelayId, out var id));
            broken.Ids.TryAdd(id, true);
        }

        relay.Clock.Advance(TimeSpan.FromDays(2));
        await ExpiredAsync(relay, agents[2], events[2]);
        Assert.Equal(EventState.Ready, (await relay.FindAsync(agents[0], events[0])).State);

        broken.Ids.Clear();
        await ExpiredAsync(relay, agents[0], events[0]);
        await ExpiredAsync(relay, agents[1], events[1]);
    }

    private static async Task<RelayHost> StartAsync(string store, params (string Key, string Value)[] settings)
    {
        var relay = await RelayHost.StartAsync(store, ownClock: true, settings);
        relay.Logs.Expect(ExpiredInSweep);
        return relay;
    }

    /// <summary>Nobody is connected: it is the sweep that finds them.</summary>
    private static async Task ExpiredAsync(RelayHost relay, RegisterResponse agent, params string[] ids)
    {
        foreach (var id in ids)
        {
            await relay.AdvanceUntilAsync(relay.WhenAsync(agent, id, EventState.Expired), TimeSpan.FromSeconds(1));
        }
    }

    private static async Task<int> CountExpiredAsync(RelayHost relay, RegisterResponse agent)
    {
        Assert.True(RelayId.TryParse(agent.RelayId, out var id));
        return (await relay.Queue.ListAsync(id, new EventQuery(EventStatus.Expired, Before: null, Limit: 5000))).Events.Count;
    }

    private static async Task<long> AcceptedAtAsync(RelayHost relay, RegisterResponse agent, string id) =>
        (await relay.FindAsync(agent, id)).AcceptedAt.ToUnixTimeMilliseconds();

    /// <summary>The store's agents, some of which cannot be read.</summary>
    private sealed class BrokenAgents(IAgentStore agents) : IAgentStore
    {
        public ConcurrentDictionary<RelayId, bool> Ids { get; } = [];

        public static void Add(IServiceCollection services)
        {
            var stored = services.Last(static service => service.ServiceType == typeof(IAgentStore));
            services.Remove(stored);
            services.AddSingleton<IAgentStore>(provider => new BrokenAgents((IAgentStore)ActivatorUtilities.CreateInstance(provider, stored.ImplementationType!)));
        }

        public Task<AgentRecord?> FindAsync(RelayId id, CancellationToken cancellationToken) =>
            Ids.ContainsKey(id) ? Task.FromException<AgentRecord?>(new StoreUnavailableException("This one cannot be read.")) : agents.FindAsync(id, cancellationToken);

        public Task AddAsync(AgentRecord agent, CancellationToken cancellationToken) => agents.AddAsync(agent, cancellationToken);

        public Task<AgentRecord?> FindByKeyAsync(ReadOnlyMemory<byte> keyHash, CancellationToken cancellationToken) => agents.FindByKeyAsync(keyHash, cancellationToken);

        public Task<bool> UpdateAsync(AgentRecord changed, CancellationToken cancellationToken) => agents.UpdateAsync(changed, cancellationToken);

        public Task<AgentPage> ListAsync(RelayId? after, int limit, CancellationToken cancellationToken) => agents.ListAsync(after, limit, cancellationToken);

        public Task NoteUsesAsync(IReadOnlyList<KeyUse> uses) => agents.NoteUsesAsync(uses);

        public Task<long?> FindLastUseAsync(RelayId agent, byte[] keyHash) => agents.FindLastUseAsync(agent, keyHash);
    }
}
