using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Relay.Protocol;
using Relay.Server.Delivery;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.HttpFallback;

/// <summary>Events are seen to, whatever becomes of the node that took them.</summary>
public sealed class AgendaTests
{
    private static readonly TimeSpan Step = TimeSpan.FromSeconds(1);

    [Theory, OnEachStore]
    public async Task What_a_node_that_died_took_is_posted_by_another(string store)
    {
        await using var target = await EndpointTarget.StartAsync();
        await using var relay = await HttpFallbackHost.StartAsync(store, ownClock: true);
        var agent = await relay.RegisterAsync(target);
        Assert.True(RelayId.TryParse(agent.RelayId, out var id));

        // As another node leaves it: the event stored, a post of its own never ended, the agenda's entry a little ahead.
        var (now, dead) = (relay.Clock!.GetUtcNow(), SessionId.NewHttp());
        EventId[] events = [EventIdAt(relay), EventIdAt(relay)];
        foreach (var one in events)
        {
            await relay.Queue.AcceptAsync(new NewEvent(one, id, now, "{}"u8.ToArray(), "{}"u8.ToArray(), null), new AcceptTerms(TimeSpan.Zero, 10, 1000, Lease: null));
        }

        Assert.Single((await relay.Queue.LeaseAsync(id, new LeaseRequest(dead, 1, 1, now, now + TimeSpan.FromSeconds(20)))).Events);
        await relay.Services.GetRequiredService<IAgenda>().SetAsync(AgendaKind.HttpFallback, id, now + TimeSpan.FromSeconds(30));

        Assert.Equal(events.Select(static one => one.ToString()).Order(), (await relay.AdvanceUntilAsync(target.ReceiveIdsAsync(2), Step)).Order());
        await relay.WhenAsync(agent, events[1].ToString(), EventState.Delivered);
    }

    [Theory, OnEachStore]
    public async Task What_a_connection_gives_back_after_a_long_time_is_posted_soon(string store)
    {
        await using var target = await EndpointTarget.StartAsync();
        await using var relay = await HttpFallbackHost.StartAsync(store, ownClock: true);
        var agent = await relay.RegisterAsync(target, """{"ack_timeout_ms":3600000}""");
        string id;
        DateTimeOffset lost;
        await using (var connected = await relay.ConnectAsync(agent))
        {
            id = await relay.QueueAsync(agent);
            await connected.ReceiveWebhookAsync();

            // Until nobody looks any more before the lease ends.
            await relay.AdvanceUntilAsync(PassAsync(relay, TimeSpan.FromSeconds(20)), Step);
            lost = relay.Clock!.GetUtcNow();
            connected.Cut();
        }

        Assert.Equal(id, (await relay.AdvanceUntilAsync(target.ReceiveAsync(), Step)).Id);
        Assert.InRange(relay.Clock!.GetUtcNow() - lost, TimeSpan.Zero, TimeSpan.FromMinutes(2));
    }

    [Theory, OnEachStore]
    public async Task What_a_poll_gives_back_after_a_long_time_is_posted_soon(string store)
    {
        await using var target = await EndpointTarget.StartAsync();
        await using var relay = await HttpFallbackHost.StartAsync(store, ownClock: true);
        var agent = await relay.RegisterAsync("""{"delivery":{"ack_timeout_ms":3600000}}""");
        var id = await relay.QueueAsync(agent);
        using (var polled = await SendAsync(HttpMethod.Get, $"pending/{agent.RelayId}"))
        {
            Assert.Equal(1, (await RelayHost.ReadJsonAsync(polled)).GetProperty("count").GetInt32());
        }

        await relay.PatchAsync(agent, $$"""{"http_endpoint":"{{target.Url}}"}""");
        await relay.AdvanceUntilAsync(PassAsync(relay, TimeSpan.FromSeconds(20)), Step);
        var given = relay.Clock!.GetUtcNow();
        using (var released = await SendAsync(HttpMethod.Post, $"events/{agent.RelayId}/{id}/nack", """{"release":true}"""))
        {
            Assert.Equal(HttpStatusCode.OK, released.StatusCode);
        }

        Assert.Equal(id, (await relay.AdvanceUntilAsync(target.ReceiveAsync(), Step)).Id);
        Assert.InRange(relay.Clock!.GetUtcNow() - given, TimeSpan.Zero, TimeSpan.FromMinutes(2));

        async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, string? json = null)
        {
            using var request = new HttpRequestMessage(method, $"/api/v1/{path}") { Content = json is null ? null : new StringContent(json, Encoding.UTF8, "application/json") };
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", agent.ApiKey);
            return await relay.Http.SendAsync(request);
        }
    }

    [Theory, OnEachStore]
    public async Task The_agenda_has_the_agent_from_the_answer_on_until_nothing_is_left(string store)
    {
        await using var target = await EndpointTarget.StartAsync(status: 404);
        await using var relay = await HttpFallbackHost.StartAsync(store, ownClock: true);
        var agent = await relay.RegisterAsync(target, """{"retry_delays_ms":[600000]}""");
        Assert.False(await IsListedAsync(relay, agent));

        var id = await relay.QueueAsync(agent);
        Assert.True(await IsListedAsync(relay, agent));

        // It fails, and the node sees to it again when it is due, long after it has ceased to look.
        await relay.WhenAsync(agent, id, EventState.Waiting);
        target.AnswerWith(200);
        await target.ReceiveAsync();
        Assert.Equal(id, (await relay.AdvanceUntilAsync(target.ReceiveAsync(), TimeSpan.FromSeconds(5))).Id);
        await relay.WhenAsync(agent, id, EventState.Delivered);

        // To ask moves the entry, as another node would, and it is removed only where this node has put it.
        await Eventually.AsyncTrue(async () =>
        {
            await relay.AdvanceUntilAsync(PassAsync(relay, TimeSpan.FromMinutes(1)), Step);
            return await IsListedAsync(relay, agent, not: true);
        });
    }

    [Theory, OnEachStore]
    public async Task What_another_node_takes_in_the_moment_in_which_the_entry_is_removed_stays_in_it(string store)
    {
        await using var target = await EndpointTarget.StartAsync();
        await using var relay = await HttpFallbackHost.StartAsync(store, RacedAgenda.Add);
        var agent = await relay.RegisterAsync(target);
        Assert.True(RelayId.TryParse(agent.RelayId, out var id));
        var raced = (RacedAgenda)relay.Services.GetRequiredService<IAgenda>();
        await relay.WhenAsync(agent, await relay.QueueAsync(agent), EventState.Delivered);

        await relay.AdvanceUntilAsync(raced.Removed, Step);

        Assert.Equal([id], await raced.TakeDueAsync(AgendaKind.HttpFallback, RacedAgenda.SetTo, RacedAgenda.SetTo, limit: 10));
    }

    [Theory, OnEachStore]
    public async Task An_agent_without_an_endpoint_is_not_in_it(string store)
    {
        await using var relay = await HttpFallbackHost.StartAsync(store);
        var agent = await relay.RegisterAsync();

        await relay.QueueAsync(agent);

        Assert.False(await IsListedAsync(relay, agent));
    }

    private static async Task<bool> PassAsync(RelayHost relay, TimeSpan time)
    {
        await Task.Delay(time, relay.Clock!);
        return true;
    }

    private static EventId EventIdAt(RelayHost relay) => relay.Services.GetRequiredService<EventIdSource>().Next();

    /// <summary>Asks as if it were much later, and leaves the entry due as it may have been.</summary>
    private static async Task<bool> IsListedAsync(RelayHost relay, RegisterResponse agent, bool not = false)
    {
        var agenda = relay.Services.GetRequiredService<IAgenda>();
        var now = relay.Clock?.GetUtcNow() ?? TimeProvider.System.GetUtcNow();
        var listed = await agenda.TakeDueAsync(AgendaKind.HttpFallback, now + TimeSpan.FromDays(1), now + TimeSpan.FromSeconds(20), 100);
        return not != listed.Any(one => one.Value == agent.RelayId);
    }

    /// <summary>The store's agenda, but another node makes the entry anew whenever this one is about to remove it.</summary>
    private sealed class RacedAgenda(IAgenda agenda) : IAgenda
    {
        public static readonly DateTimeOffset SetTo = new(2200, 1, 1, 0, 0, 0, TimeSpan.Zero);
        private readonly TaskCompletionSource<bool> _removed = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<bool> Removed => _removed.Task;

        public static void Add(IServiceCollection services)
        {
            var stored = services.Last(static service => service.ServiceType == typeof(IAgenda));
            services.Remove(stored);
            services.AddSingleton<IAgenda>(provider => new RacedAgenda((IAgenda)ActivatorUtilities.CreateInstance(provider, stored.ImplementationType!)));
        }

        public async Task RemoveAsync(AgendaKind kind, RelayId agent, DateTimeOffset from)
        {
            await agenda.SetAsync(kind, agent, SetTo);
            await agenda.RemoveAsync(kind, agent, from);
            _removed.TrySetResult(true);
        }

        public Task<IReadOnlyList<RelayId>> TakeDueAsync(AgendaKind kind, DateTimeOffset now, DateTimeOffset until, int limit) =>
            agenda.TakeDueAsync(kind, now, until, limit);

        public Task SetAsync(AgendaKind kind, RelayId agent, DateTimeOffset at) => agenda.SetAsync(kind, agent, at);

        public Task MoveAsync(AgendaKind kind, RelayId agent, DateTimeOffset from, DateTimeOffset to) => agenda.MoveAsync(kind, agent, from, to);
    }
}
