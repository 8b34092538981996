using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.Extensions.Options;
using Relay.Protocol;
using Relay.Server.Connections;
using Relay.Server.Delivery;
using Relay.Server.Limits;

namespace Relay.Server.Agents;

/// <summary>Shows an agent as the API does: what is secret is not among it. Any thread.</summary>
internal sealed class AgentPresenter(
    WebhookUrls urls, IPresence presence, KeyUsage usage, IOptions<DeliveryOptions> delivery, WebhookLimits limits, SecretBox secrets, TimeProvider time)
{
    public async Task<AgentResponse> ShowAsync(AgentRecord agent, HttpRequest request) => new()
    {
        RelayId = agent.Id.Value,
        WorkspaceId = agent.WorkspaceId,
        Name = agent.Name,
        Metadata = agent.Metadata,
        CreatedAt = agent.CreatedAt,
        Active = agent.Active,
        Connected = await presence.IsConnectedAsync(agent.Id),
        WebhookUrl = urls.For(agent.Id, request),
        Source = ShowSource(agent),
        HttpEndpoint = agent.SealedHttpEndpoint is not null ? "set" : agent.HttpEndpointGone ? "gone" : null,
        LastUsedAt = await usage.FindLastAsync(agent.Id, agent.KeyHash),
        RetiringKey = agent.WithoutEndedKeys(time.GetUtcNow()).Retiring is { } retiring
            ? new RetiringKey { ExpiresAt = retiring.Until, LastUsedAt = await usage.FindLastAsync(agent.Id, retiring.KeyHash) }
            : null,
        Delivery = Show(DeliveryPolicy.From(delivery.Value, agent.Delivery)),
    };

    private AgentSource? ShowSource(AgentRecord agent)
    {
        if (agent.SealedSource is not { } sealedSource)
        {
            return null;
        }

        try
        {
            var settings = JsonSerializer.Deserialize(secrets.Open(sealedSource, AgentDirectory.SourcePurpose(agent.Id)), ApiJson.Default.SourceSettings);
            return new AgentSource { Type = settings?.Type, Secrets = settings?.Secrets?.Count ?? (settings?.Secret is null ? 0 : 1) };
        }
        catch (Exception exception) when (exception is CryptographicException or JsonException)
        {
            // It lets nothing pass; the agent must be shown, so that it can be given another.
            return new AgentSource();
        }
    }

    private AgentDelivery Show(DeliveryPolicy policy) => new()
    {
        AckTimeoutMs = (long)policy.AckTimeout.TotalMilliseconds,
        RetryDelaysMs = [.. policy.RetryDelays.Select(static delay => (long)delay.TotalMilliseconds)],
        MaxAttempts = policy.MaxAttempts,
        RetentionSeconds = (long)policy.Retention.TotalSeconds,
        MaxInFlight = policy.MaxInFlight,
        MaxQueuedEvents = policy.MaxQueuedEvents,
        MaxQueuedBytes = policy.MaxQueuedBytes,
        WebhooksPerMinute = limits.PerMinute(policy.WebhooksPerMinute),
        SenderWaitSeconds = (int)policy.SenderWait.TotalSeconds,
        OrderingKey = policy.OrderingKey,
        Paused = policy.Paused,
        Connections = policy.Connections == ConnectionMode.Shared ? "shared" : "exclusive",
        Http = policy.PostsAlways ? DeliverySettings.HttpAlways : DeliverySettings.HttpFallback,
    };
}
