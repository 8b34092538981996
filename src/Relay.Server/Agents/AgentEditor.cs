using Relay.Protocol;
using Relay.Server.Delivery;

namespace Relay.Server.Agents;

/// <summary>Changes agents. Of changes made at once each is made from what the other left: none is lost. Any thread.</summary>
internal sealed class AgentEditor(IAgentStore store, AgentDirectory agents, IAgenda agenda, TimeProvider time)
{
    /// <param name="id">Whom to change.</param>
    /// <param name="change">Makes the changed agent from the kept one, or answers the same one: nothing is to be done. Called again when somebody else was faster.</param>
    /// <param name="cancellationToken">Ends the wait, not what was begun.</param>
    /// <returns>The agent as it is kept now; null for an unknown id.</returns>
    public async Task<AgentRecord?> ChangeAsync(RelayId id, Func<AgentRecord, AgentRecord> change, CancellationToken cancellationToken)
    {
        while (await store.FindAsync(id, cancellationToken) is { } kept)
        {
            var changed = change(kept);
            if (ReferenceEquals(changed, kept))
            {
                return kept;
            }

            changed = changed.WithoutEndedKeys(time.GetUtcNow());

            if (await UpdateAsync(changed, cancellationToken))
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

    private async Task<bool> UpdateAsync(AgentRecord changed, CancellationToken cancellationToken)
    {
        try
        {
            return await store.UpdateAsync(changed, cancellationToken);
        }
        finally
        {
            // Also when the outcome is unknown.
            agents.Forget(changed.Id);
        }
    }
}
