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
        var agent = NewAgent() with { Name = null, WorkspaceId = null, Metadata = null, Active = false };
        await Agents.AddAsync(agent, CancellationToken.None);

        AssertSame(agent, await Agents.FindAsync(agent.Id, CancellationToken.None));
    }

    /// <summary>Opens the store; a second call crashes and reopens it.</summary>
    private async Task OpenAsync() => _store = await _harness.OpenAsync(new DeliveryOptions());

    private static AgentRecord NewAgent() => new()
    {
        Id = RelayId.New(),
        KeyHash = RandomNumberGenerator.GetBytes(32),
        SealedApiKey = "k1.c2VhbGVk",
        SealedSigningSecret = "k1.c2VjcmV0",
        CreatedAt = 4_102_444_800_000,
        WorkspaceId = "ws-1",
        Name = "Zo\u00eb's agent",
        Metadata = JsonDocument.Parse("""{"team":"a","n":[1,2.50,null]}""").RootElement,
    };

    private static void AssertSame(AgentRecord expected, AgentRecord? actual)
    {
        Assert.NotNull(actual);
        Assert.Equal(AgentJson.Write(expected), AgentJson.Write(actual));
    }
}
