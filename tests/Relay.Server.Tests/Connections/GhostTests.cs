using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Relay.Protocol;
using Relay.Server.Agents;
using Relay.Server.Storage.Embedded;
using Relay.Server.Tests.Support;

namespace Relay.Server.Tests.Connections;

/// <summary>An agent that lost its connection while its key was checked is back before the check has ended.</summary>
public sealed class GhostTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_connection_whose_key_was_checked_late_does_not_take_over_from_a_newer_one(bool isGone)
    {
        var held = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        SlowStore? slow = null;
        await using var relay = RelayHost.Start(await StoreSetup.CreateAsync("embedded"), replace: services => services.Replace(
            ServiceDescriptor.Singleton<IAgentStore>(provider => slow ??= new SlowStore(ActivatorUtilities.CreateInstance<EmbeddedAgentStore>(provider), held.Task))));
        var agent = await relay.RegisterAsync();

        await using var ghost = await relay.OpenAsync();
        await ghost.SendAsync($$"""{"type":"auth","api_key":"{{agent.ApiKey}}"}""");
        await slow!.Asked;
        if (isGone)
        {
            ghost.Cut();
        }

        await using var back = await relay.ConnectAsync(agent);
        held.SetResult();

        if (!isGone)
        {
            Assert.Equal(CloseCodes.Replaced, await ghost.ReadToCloseAsync());
        }

        var id = await relay.QueueAsync(agent);
        Assert.Equal(id, (await back.ReceiveWebhookAsync()).Id);
    }

    /// <summary>Its first look for a key takes until the task has ended.</summary>
    private sealed class SlowStore(IAgentStore store, Task held) : IAgentStore
    {
        private readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _looks;

        public Task Asked => _asked.Task;

        public async Task<AgentRecord?> FindByKeyAsync(ReadOnlyMemory<byte> keyHash, CancellationToken cancellationToken)
        {
            if (Interlocked.Increment(ref _looks) == 1)
            {
                _asked.SetResult();
                await held;
            }

            return await store.FindByKeyAsync(keyHash, cancellationToken);
        }

        public Task AddAsync(AgentRecord agent, CancellationToken cancellationToken) => store.AddAsync(agent, cancellationToken);

        public Task<AgentRecord?> FindAsync(RelayId id, CancellationToken cancellationToken) => store.FindAsync(id, cancellationToken);

        public Task<bool> UpdateAsync(AgentRecord changed, CancellationToken cancellationToken) => store.UpdateAsync(changed, cancellationToken);

        public Task NoteUsesAsync(IReadOnlyList<KeyUse> uses) => store.NoteUsesAsync(uses);

        public Task<long?> FindLastUseAsync(RelayId agent, byte[] keyHash) => store.FindLastUseAsync(agent, keyHash);

        public Task<AgentPage> ListAsync(RelayId? after, int limit, CancellationToken cancellationToken) => store.ListAsync(after, limit, cancellationToken);
    }
}
