using System.Globalization;
using Microsoft.Extensions.Options;
using Relay.Protocol;
using Relay.Server.Agents;
using Relay.Server.Http;

namespace Relay.Server.Limits;

/// <summary>Holds each agent's senders to the webhooks that it takes in a minute, and tells them how many are left. Any thread.</summary>
internal sealed class WebhookLimits(IRateLimiter limiter, IOptions<RateLimitOptions> options)
{
    private readonly int _usual = options.Value.WebhooksPerMinute;
    private readonly string _usualText = options.Value.WebhooksPerMinute.ToString(CultureInfo.InvariantCulture);

    /// <summary>How many it is for this agent; 0: any number.</summary>
    public int PerMinute(int? agent) => agent ?? _usual;

    /// <returns>What to answer instead of reading on; null: it may pass.</returns>
    /// <exception cref="Storage.StoreUnavailableException">Whether it may pass cannot be known now.</exception>
    public async ValueTask<ErrorResult?> CheckAsync(Agent agent, HttpResponse response)
    {
        var perMinute = PerMinute(agent.Policy.WebhooksPerMinute);
        if (perMinute == 0)
        {
            return null;
        }

        var permit = await limiter.TakeAsync(LimitKey.Of(agent.Id), perMinute);
        permit.Tell(response.Headers, perMinute, perMinute == _usual ? _usualText : perMinute.ToString(CultureInfo.InvariantCulture));
        return permit.IsGranted ? null : new ErrorResult(
            StatusCodes.Status429TooManyRequests,
            ErrorCodes.RateLimitExceeded,
            $"This agent takes {perMinute} webhooks a minute, so nothing was accepted. Send it again after Retry-After seconds.")
        {
            RetryAfter = permit.Wait,
        };
    }
}
