using Microsoft.Extensions.Options;

namespace Relay.Server.Limits;

/// <summary><c>Relay:RateLimit</c>. Each is how many a minute brings and how many may come at once; 0: no limit.</summary>
internal sealed record RateLimitOptions
{
    public const string Section = "Relay:RateLimit";

    /// <summary>The most that can be said, for the server and for one agent.</summary>
    public const int Most = 100_000_000;

    /// <summary>Webhooks for one agent, counted across nodes; an agent may have another number.</summary>
    /// <value>6000 a minute.</value>
    public int WebhooksPerMinute { get; init; } = 6000;

    /// <summary>Requests of any kind from one IPv4 address or one /64 of IPv6, counted across nodes.</summary>
    /// <value>60,000 a minute: providers send for many agents from few addresses.</value>
    public int RequestsPerMinutePerAddress { get; init; } = 60_000;

    /// <summary>Wrong keys from one address, and for one identity, counted across nodes.</summary>
    /// <value>10 a minute.</value>
    public int FailedAuthenticationsPerMinute { get; init; } = 10;
}

internal sealed class RateLimitOptionsValidator : IValidateOptions<RateLimitOptions>
{
    public ValidateOptionsResult Validate(string? name, RateLimitOptions options)
    {
        List<string> faults = [];
        Check(options.WebhooksPerMinute, nameof(options.WebhooksPerMinute));
        Check(options.RequestsPerMinutePerAddress, nameof(options.RequestsPerMinutePerAddress));
        Check(options.FailedAuthenticationsPerMinute, nameof(options.FailedAuthenticationsPerMinute));
        return faults.Count > 0 ? ValidateOptionsResult.Fail(faults) : ValidateOptionsResult.Success;

        void Check(int perMinute, string property)
        {
            if (perMinute is < 0 or > RateLimitOptions.Most)
            {
                faults.Add($"{RateLimitOptions.Section}:{property} must be from 0, for no limit, to {RateLimitOptions.Most}.");
            }
        }
    }
}
