using System.Text.Json;

namespace Relay.Protocol;

/// <summary>The body of <c>POST /api/v1/rotate</c>. An agent may leave it out.</summary>
public sealed record RotateRequest
{
    /// <summary>For administrators: whose keys are replaced. The relay id stays.</summary>
    public string? RelayId { get; init; }

    /// <summary>For administrators: who is deactivated for good. A new agent with its settings takes its place.</summary>
    public string? OldRelayId { get; init; }

    /// <summary>How long the old key and signing secret still hold, up to 604800 (7 days); 0: they end at once.</summary>
    /// <value>86400, a day.</value>
    public long? GraceSeconds { get; init; }

    /// <summary>Of the new agent, instead of the old one's.</summary>
    public string? WorkspaceId { get; init; }

    /// <summary>Of the new agent, instead of the old one's.</summary>
    public JsonElement? Metadata { get; init; }
}

/// <summary>The answer to a rotation: the only time that the new secrets are shown.</summary>
public sealed record RotateResponse
{
    /// <summary>Whose secrets these are.</summary>
    public required string RelayId { get; init; }

    /// <summary>What the agent connects with from now on.</summary>
    public required string ApiKey { get; init; }

    /// <summary>The Standard Webhooks secret from now on.</summary>
    public required string SigningSecret { get; init; }

    /// <summary>Where senders post.</summary>
    public required string WebhookUrl { get; init; }

    /// <summary>Unix ms from which the old key opens nothing and the old secret signs nothing.</summary>
    public required long OldKeyExpiresAt { get; init; }

    /// <summary>The agent that was deactivated, if one was.</summary>
    public string? OldRelayId { get; init; }

    /// <summary>Without the secrets.</summary>
    public override string ToString() => $"rotated {{ relay_id = {RelayId} }}";
}
