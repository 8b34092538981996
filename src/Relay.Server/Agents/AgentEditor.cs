using Relay.Protocol;
using Relay.Server.Delivery;

namespace Relay.Server.Agents;

/// <summary>
/// Changes agents. Of changes made at once each is made from what the other left: none is lost. What was begun is done, whether or not the caller hangs
/// up: it has to be seen to. Any thread.
/// </summary>
internal sealed class AgentEditor(IAgentStore store, AgentDirectory agents, IAgenda agenda, TimeProvider time)
{
    /// <param name="id">Whom to change.</param>
    /// <param name="change">Makes the changed agent from the kept one, or answers the same one: nothing is to be done. Called again when somebody else was faster.</param>
    /// <returns>The agent as it is kept now; null for an unknown id.</returns>
    public async Task<AgentRecord?> ChangeAsync(RelayId id, Func<AgentRecord, AgentRecord> change)
    {
        while (await store.FindAsync(id, CancellationToken.None) is { } kept)
        {
            var changed = change(kept);
            if (ReferenceEquals(changed, kept))
            {
                return kept;
            }

            changed = changed.WithoutEndedKeys(time.GetUtcNow());

            if (await UpdateAsync(changed))
            {
                if (changed.Delivery?.RetentionSeconds != kept.Delivery?.RetentionSeconds)
                {
                    await agenda.SetAsync(AgendaKind.Expiry, id, time.GetUtcNow());
                }

                return changed;
            }
        }

        return null;
    }

    private async Task<bool> UpdateAsync(AgentRecord changed)
    {
        try
        {
            return await store.UpdateAsync(changed, CancellationToken.None);
        }
        finally
        {
            // Also when the outcome is unknown.
            agents.Forget(changed.Id);
        }
    }
}
