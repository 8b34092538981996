using System.Security.Cryptography;
using System.Text.Json;
using Relay.Protocol;
using Relay.Server.Agents;
using Relay.Server.Delivery;

namespace Relay.Server.Tests.Storage;

/// <summary>What every <see cref="IAgentStore"/> promises. A store derives a class and says how it is made.</summary>
public abstract class AgentStoreContract : IAsyncLifetime
{
    private IStoreHarness _harness = null!;
    private StoreUnderTest _store = null!;

    private IAgentStore Agents => _store.Agents;

    private protected abstract IStoreHarness CreateHarness();

    public async Task InitializeAsync()
    {
        _harness = CreateHarness();
        await OpenAsync();
    }

    public async Task DisposeAsync() => await _harness.DisposeAsync();

    [Fact]
    public async Task An_agent_is_found_by_its_id_and_by_its_keys_hash()
    {
        var agent = NewAgent();
        await Agents.AddAsync(agent, CancellationToken.None);

        AssertSame(agent, await Agents.FindAsync(agent.Id, CancellationToken.None));
        AssertSame(agent, await Agents.FindByKeyAsync(agent.KeyHash, CancellationToken.None));
    }

    [Fact]
    public async Task An_unknown_agent_is_null()
    {
        var agent = NewAgent();
        await Agents.AddAsync(agent, CancellationToken.None);
        var other = agent.KeyHash.ToArray();
        other[31] ^= 1;

        Assert.Null(await Agents.FindAsync(RelayId.New(), CancellationToken.None));
        Assert.Null(await Agents.FindByKeyAsync(other, CancellationToken.None));
    }

    [Fact]
    public async Task Agents_survive_a_crash()
    {
        var agents = Enumerable.Range(0, 50).Select(_ => NewAgent()).ToArray();
        await Task.WhenAll(agents.Select(agent => Agents.AddAsync(agent, CancellationToken.None)));
        await OpenAsync();

        foreach (var agent in agents)
        {
            AssertSame(agent, await Agents.FindAsync(agent.Id, CancellationToken.None));
            AssertSame(agent, await Agents.FindByKeyAsync(agent.KeyHash, CancellationToken.None));
        }
    }

    [Fact]
    public async Task An_agent_with_nothing_but_what_is_required_comes_back_so()
    {
        var agent = NewAgent() with { Name = null, WorkspaceId = null, Metadata = null, Delivery = null, SealedSource = null, Active = false };
        await Agents.AddAsync(agent, CancellationToken.None);

        AssertSame(agent, await Agents.FindAsync(agent.Id, CancellationToken.None));
    }

    [Fact]
    public async Task A_changed_agent_is_kept_with_the_next_version()
    {
        var agent = await AddAsync();

        Assert.True(await Agents.UpdateAsync(agent with { Name = "other", Active = false }, CancellationToken.None));

        var expected = agent with { Name = "other", Active = false, Version = 1 };
        AssertSame(expected, await Agents.FindAsync(agent.Id, CancellationToken.None));
        AssertSame(expected, await Agents.FindByKeyAsync(agent.KeyHash, CancellationToken.None));
        await OpenAsync();
        AssertSame(expected, await Agents.FindAsync(agent.Id, CancellationToken.None));
    }

    [Fact]
    public async Task An_agent_is_found_by_the_keys_that_it_has_now_and_by_no_others()
    {
        var agent = await AddAsync();
        var rotated = agent with { KeyHash = RandomNumberGenerator.GetBytes(32), Retiring = Retiring(agent) };
        Assert.True(await Agents.UpdateAsync(rotated, CancellationToken.None));
        await OpenAsync();

        AssertSame(rotated with { Version = 1 }, await Agents.FindByKeyAsync(agent.KeyHash, CancellationToken.None));
        AssertSame(rotated with { Version = 1 }, await Agents.FindByKeyAsync(rotated.KeyHash, CancellationToken.None));

        var again = rotated with { KeyHash = RandomNumberGenerator.GetBytes(32), Retiring = Retiring(rotated), Version = 1 };
        Assert.True(await Agents.UpdateAsync(again, CancellationToken.None));
        Assert.False(await Agents.UpdateAsync(rotated with { KeyHash = agent.KeyHash, Retiring = null }, CancellationToken.None));

        Assert.Null(await Agents.FindByKeyAsync(agent.KeyHash, CancellationToken.None));
        Assert.Equal(2, (await Agents.FindByKeyAsync(rotated.KeyHash, CancellationToken.None))?.Version);
        Assert.Equal(2, (await Agents.FindByKeyAsync(again.KeyHash, CancellationToken.None))?.Version);

        static RetiringKeys Retiring(AgentRecord before) => new()
        {
            KeyHash = before.KeyHash,
            SealedApiKey = before.SealedApiKey,
            SealedSigningSecret = before.SealedSigningSecret,
            Until = 4_102_444_800_000,
        };
    }

    [Fact]
    public async Task The_last_use_of_a_key_is_kept_as_long_as_the_key_is()
    {
        var agent = await AddAsync();
        Assert.Null(await Agents.FindLastUseAsync(agent.Id, agent.KeyHash));

        await Agents.NoteUsesAsync([new KeyUse(agent.Id, agent.KeyHash, 4_102_444_800_000)]);
        await Agents.UpdateAsync(agent with { Name = "other" }, CancellationToken.None);
        await OpenAsync();
        Assert.Equal(4_102_444_800_000, await Agents.FindLastUseAsync(agent.Id, agent.KeyHash));

        Assert.True(await Agents.UpdateAsync(agent with { KeyHash = RandomNumberGenerator.GetBytes(32), Version = 1 }, CancellationToken.None));
        await Agents.NoteUsesAsync([new KeyUse(agent.Id, agent.KeyHash, 4_102_444_800_001)]);
        Assert.Null(await Agents.FindLastUseAsync(agent.Id, agent.KeyHash));
    }

    [Fact]
    public async Task A_change_made_from_an_older_version_is_not_taken()
    {
        var agent = await AddAsync();
        Assert.True(await Agents.UpdateAsync(agent with { Name = "first" }, CancellationToken.None));

        Assert.False(await Agents.UpdateAsync(agent with { Name = "second" }, CancellationToken.None));
        Assert.False(await Agents.UpdateAsync(agent with { Id = RelayId.New() }, CancellationToken.None));

        Assert.Equal("first", (await Agents.FindAsync(agent.Id, CancellationToken.None))?.Name);
    }

    [Fact]
    public async Task Of_changes_made_together_each_version_takes_one()
    {
        var agent = await AddAsync();

        var taken = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => Agents.UpdateAsync(agent with { Name = $"{i}" }, CancellationToken.None)));

        Assert.Single(taken, static one => one);
        Assert.Equal(1, (await Agents.FindAsync(agent.Id, CancellationToken.None))?.Version);
    }

    [Fact]
    public async Task A_change_does_not_depend_on_what_the_metadata_holds()
    {
        const string Odd = """{"version":7,"n":[1e999,-0,0.1e-400,123456789012345678901234567890],"\u0000\ud83d\ude00":"\u2028/</script>","":{},"a":[],"a":null}""";
        var agent = await AddAsync(NewAgent() with { Metadata = JsonDocument.Parse(Odd).RootElement });

        Assert.True(await Agents.UpdateAsync(agent with { Name = "other" }, CancellationToken.None));

        AssertSame(agent with { Name = "other", Version = 1 }, await Agents.FindAsync(agent.Id, CancellationToken.None));
    }

    [Fact]
    public async Task Who_listens_to_the_agent_is_told_of_its_change()
    {
        var (agent, other) = (await AddAsync(), await AddAsync());
        var told = new TaskCompletionSource<QueueSignal>();
        await using var listening = await _store.Queue.SubscribeAsync(agent.Id, signal => told.TrySetResult(signal));

        await Agents.UpdateAsync(other with { Name = "other" }, CancellationToken.None);
        await Agents.UpdateAsync(agent with { Name = "other" }, CancellationToken.None);

        Assert.Equal(new QueueSignal(ClaimedBy: null, AgentChanged: true), await told.Task.WaitAsync(TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public async Task Agents_are_listed_by_id_page_after_page()
    {
        var all = await Task.WhenAll(Enumerable.Range(0, 25).Select(_ => AddAsync()));
        await Agents.UpdateAsync(all[3] with { Active = false }, CancellationToken.None);

        var pages = await ListAllAsync(limit: 10);

        Assert.Equal([10, 10, 5], pages.Select(static page => page.Agents.Count));
        Assert.Equal(all.Select(static agent => agent.Id.Value).Order(StringComparer.Ordinal), pages.SelectMany(static page => page.Agents).Select(static agent => agent.Id.Value));
        Assert.Equal(25, Assert.Single(await ListAllAsync(limit: 25)).Agents.Count);
    }

    [Fact]
    public async Task No_agents_are_one_empty_page() => Assert.Empty(Assert.Single(await ListAllAsync(limit: 1)).Agents);

    [Fact]
    public async Task Agents_added_between_pages_neither_hide_nor_repeat_others()
    {
        var first = await Task.WhenAll(Enumerable.Range(0, 30).Select(_ => AddAsync()));

        var pages = await ListAllAsync(limit: 4, betweenPages: () => AddAsync());

        var listed = pages.SelectMany(static page => page.Agents).Select(static agent => agent.Id).ToList();
        Assert.Equal(listed.Count, listed.Distinct().Count());
        Assert.Empty(first.Select(static agent => agent.Id).Except(listed));
    }

    private async Task<List<AgentPage>> ListAllAsync(int limit, Func<Task>? betweenPages = null)
    {
        List<AgentPage> pages = [await Agents.ListAsync(after: null, limit, CancellationToken.None)];
        while (pages[^1].Next is { } next)
        {
            await (betweenPages?.Invoke() ?? Task.CompletedTask);
            pages.Add(await Agents.ListAsync(next, limit, CancellationToken.None));
        }

        return pages;
    }

    private async Task<AgentRecord> AddAsync(AgentRecord? agent = null)
    {
        agent ??= NewAgent();
        await Agents.AddAsync(agent, CancellationToken.None);
        return agent;
    }

    /// <summary>Opens the store; a second call crashes and reopens it.</summary>
    private async Task OpenAsync() => _store = await _harness.OpenAsync(new DeliveryOptions());

    internal static AgentRecord NewAgent() => new()
    {
        Id = RelayId.New(),
        KeyHash = RandomNumberGenerator.GetBytes(32),
        SealedApiKey = "k1.c2VhbGVk",
        SealedSigningSecret = "k1.c2VjcmV0",
        SealedSource = "k1.c291cmNl",
        CreatedAt = 4_102_444_800_000,
        WorkspaceId = "ws-1",
        Name = "Zo\u00eb's agent",
        Metadata = JsonDocument.Parse("""{"team":"a","n":[1,2.50,null]}""").RootElement,
        Delivery = new DeliverySettings { AckTimeoutMs = 5000, RetryDelaysMs = [0, 100], Paused = true, Connections = ConnectionMode.Shared },
    };

    private static void AssertSame(AgentRecord expected, AgentRecord? actual)
    {
        Assert.NotNull(actual);
        Assert.Equal(AgentJson.Write(expected), AgentJson.Write(actual));
    }
}
