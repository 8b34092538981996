using Microsoft.Extensions.Options;

namespace Relay.Server.Cluster;

/// <summary><c>Relay:Cluster</c>.</summary>
internal sealed record ClusterOptions
{
    public const string Section = "Relay:Cluster";

    /// <summary>How often a node tells the others that it is there. One that missed four is gone.</summary>
    /// <value>15 s; from 100 ms to 5 minutes.</value>
    public TimeSpan ReportInterval { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Whether a node with far more than its share of the connections asks some of its agents to connect again.</summary>
    /// <value>true</value>
    public bool Rebalance { get; init; } = true;
}

internal sealed class ClusterOptionsValidator : IValidateOptions<ClusterOptions>
{
    private static readonly TimeSpan Least = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Most = TimeSpan.FromMinutes(5);

    public ValidateOptionsResult Validate(string? name, ClusterOptions options) =>
        options.ReportInterval >= Least && options.ReportInterval <= Most
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail($"{ClusterOptions.Section}:ReportInterval must be from {Least} to {Most}.");
}
