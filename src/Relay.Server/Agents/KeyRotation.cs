using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Relay.Protocol;

namespace Relay.Server.Agents;

/// <summary>Replaces agents' keys and signing secrets. Any thread.</summary>
internal sealed class KeyRotation(AgentEditor editor, AgentRegistrar registrar, IAgentStore store, SecretBox secrets, TimeProvider time)
{
    /// <summary>
    /// Gives the agent a new key and signing secret. Of the old ones, those that <paramref name="presented"/> names hold on for the grace; any
    /// others end at once. So an agent that lost the answer can ask again with the key that it has.
    /// </summary>
    /// <param name="id">Whose.</param>
    /// <param name="presented">SHA-256 of the key that asks; null: an administrator asks, and the newest is meant.</param>
    /// <param name="grace">Zero: the old ones end at once.</param>
    /// <returns>Null for an unknown or deactivated agent, and for a key that was revoked meanwhile.</returns>
    public async Task<(NewSecrets Secrets, DateTimeOffset OldUntil)?> RotateAsync(
        RelayId id, byte[]? presented, TimeSpan grace)
    {
        var made = new NewSecrets(id, secrets);
        var until = time.GetUtcNow() + grace;
        var changed = await editor.ChangeAsync(
            id,
            agent => !agent.Active || !Find(agent, presented, until, out var retiring) ? agent : agent with
            {
                KeyHash = made.KeyHash,
                SealedApiKey = made.SealApiKey(),
                SealedSigningSecret = made.SealSigningSecret(),
                Retiring = grace > TimeSpan.Zero ? retiring : null,
            });
        return changed is { Active: true } && changed.KeyHash.AsSpan().SequenceEqual(made.KeyHash) ? (made, until) : null;
    }

    /// <summary>Makes a new agent with the settings of an old one, which is deactivated.</summary>
    /// <param name="id">The old one.</param>
    /// <param name="adapt">What the new one has otherwise.</param>
    /// <returns>Null for an unknown or deactivated agent: nobody took its place.</returns>
    public async Task<(AgentRecord Agent, NewSecrets Secrets)?> ReplaceAsync(
        RelayId id, Func<AgentRecord, AgentRecord> adapt)
    {
        if (await store.FindAsync(id, CancellationToken.None) is not { Active: true } old)
        {
            return null;
        }

        var successor = await registrar.CopyAsync(adapt(old));
        if (await TryDeactivateAsync(id))
        {
            return successor;
        }

        // Somebody was faster, and only one may take the place.
        await TryDeactivateAsync(successor.Agent.Id);
        return null;
    }

    private async Task<bool> TryDeactivateAsync(RelayId id)
    {
        var deactivates = false;
        await editor.ChangeAsync(id, agent => (deactivates = agent.Active) ? agent with { Active = false } : agent);
        return deactivates;
    }

    /// <summary>Those of the agent's keys that a rotation leaves in force for the grace.</summary>
    private static bool Find(AgentRecord agent, byte[]? presented, DateTimeOffset until, [NotNullWhen(true)] out RetiringKeys? retiring)
    {
        if (presented is null || CryptographicOperations.FixedTimeEquals(agent.KeyHash, presented))
        {
            retiring = new RetiringKeys
            {
                KeyHash = agent.KeyHash,
                SealedApiKey = agent.SealedApiKey,
                SealedSigningSecret = agent.SealedSigningSecret,
                Until = until.ToUnixTimeMilliseconds(),
            };
            return true;
        }

        retiring = agent.Retiring is { } before && CryptographicOperations.FixedTimeEquals(before.KeyHash, presented)
            ? before with { Until = until.ToUnixTimeMilliseconds() }
            : null;
        return retiring is not null;
    }
}
