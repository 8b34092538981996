using Microsoft.Extensions.Options;

namespace Relay.Server.Ingest;

/// <summary><c>Relay:Ingest</c>.</summary>
internal sealed record IngestOptions
{
    public const string Section = "Relay:Ingest";

    /// <summary>The largest body that is accepted.</summary>
    /// <value>1 MiB; at most 64 MiB.</value>
    public long MaxBodyBytes { get; init; } = 1 << 20;

    /// <summary>For how long an idempotency key makes later webhooks duplicates of the first; 0: never.</summary>
    /// <value>10 minutes; at most 7 days.</value>
    public TimeSpan IdempotencyWindow { get; init; } = TimeSpan.FromMinutes(10);
}

internal sealed class IngestOptionsValidator : IValidateOptions<IngestOptions>
{
    private const long Limit = 64 << 20;

    public ValidateOptionsResult Validate(string? name, IngestOptions options)
    {
        List<string> faults = [];
        if (options.MaxBodyBytes is < 0 or > Limit)
        {
            faults.Add($"{IngestOptions.Section}:MaxBodyBytes must be from 0 to {Limit}.");
        }

        if (options.IdempotencyWindow < TimeSpan.Zero || options.IdempotencyWindow > TimeSpan.FromDays(7))
        {
            faults.Add($"{IngestOptions.Section}:IdempotencyWindow must be from 00:00:00 to 7.00:00:00.");
        }

        return faults.Count > 0 ? ValidateOptionsResult.Fail(faults) : ValidateOptionsResult.Success;
    }
}
