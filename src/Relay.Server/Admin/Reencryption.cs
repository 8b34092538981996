using System.Security.Cryptography;
using Relay.Protocol;
using Relay.Server.Agents;

namespace Relay.Server.Admin;

/// <summary>
/// Seals what is kept of agents with the first encryption key, so that others can leave the configuration. What was sealed with it before is left
/// alone: it can be broken off and begun again. Any thread.
/// </summary>
internal sealed partial class Reencryption(IAgentStore store, AgentEditor editor, SecretBox secrets, ILogger<Reencryption> logger)
{
    private const int PageSize = 100;

    /// <param name="after">Where to go on: <see cref="ReencryptResponse.NextCursor"/> of the part before; null: at the beginning.</param>
    /// <param name="limit">Agents to look at; 1 or more.</param>
    /// <param name="cancellationToken">Ends it; what was done is done.</param>
    public async Task<ReencryptResponse> RunAsync(RelayId? after, int limit, CancellationToken cancellationToken)
    {
        var (examined, reencrypted, failed) = (0, 0, 0);
        do
        {
            var page = await store.ListAsync(after, Math.Min(PageSize, limit - examined), cancellationToken);
            var results = await Task.WhenAll(page.Agents.Select(agent => ReencryptAsync(agent, cancellationToken)));
            examined += results.Length;
            reencrypted += results.Count(static result => result == Result.Reencrypted);
            failed += results.Count(static result => result == Result.Failed);
            after = page.Next;
        }
        while (after is not null && examined < limit);

        return new ReencryptResponse { Examined = examined, Reencrypted = reencrypted, Failed = failed, NextCursor = after?.Value };
    }

    private async Task<Result> ReencryptAsync(AgentRecord agent, CancellationToken cancellationToken)
    {
        try
        {
            if (ReferenceEquals(Reseal(agent), agent))
            {
                return Result.LeftAlone;
            }

            await editor.ChangeAsync(agent.Id, Reseal);
            return Result.Reencrypted;
        }
        catch (CryptographicException exception)
        {
            NotReencrypted(logger, agent.Id, exception.Message);
            return Result.Failed;
        }
    }

    /// <summary>The same agent, if there is nothing to do.</summary>
    private AgentRecord Reseal(AgentRecord agent)
    {
        var id = agent.Id;
        var resealed = agent with
        {
            SealedApiKey = secrets.Reseal(agent.SealedApiKey, AgentDirectory.ApiKeyPurpose(id)),
            SealedSigningSecret = secrets.Reseal(agent.SealedSigningSecret, AgentDirectory.SigningSecretPurpose(id)),
            SealedSource = agent.SealedSource is { } source ? secrets.Reseal(source, AgentDirectory.SourcePurpose(id)) : null,
            SealedHttpEndpoint = agent.SealedHttpEndpoint is { } endpoint ? secrets.Reseal(endpoint, AgentDirectory.HttpEndpointPurpose(id)) : null,
            Retiring = agent.Retiring is not { } retiring ? null : retiring with
            {
                SealedApiKey = secrets.Reseal(retiring.SealedApiKey, AgentDirectory.ApiKeyPurpose(id)),
                SealedSigningSecret = secrets.Reseal(retiring.SealedSigningSecret, AgentDirectory.SigningSecretPurpose(id)),
            },
        };
        return resealed == agent ? agent : resealed;
    }

    private enum Result
    {
        LeftAlone,
        Reencrypted,
        Failed,
    }

    [LoggerMessage(1711, LogLevel.Error, "The secrets of {Agent} could not be encrypted anew: {Cause}")]
    private static partial void NotReencrypted(ILogger logger, RelayId agent, string cause);
}
