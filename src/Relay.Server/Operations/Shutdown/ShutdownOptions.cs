using Microsoft.Extensions.Options;

namespace Relay.Server.Operations.Shutdown;

/// <summary><c>Relay:Shutdown</c>.</summary>
internal sealed record ShutdownOptions
{
    public const string Section = "Relay:Shutdown";

    /// <summary>
    /// How long the server goes on as before after it was told to end, while <c>/readyz</c> already answers 503: until whatever sends it
    /// requests has looked there.
    /// </summary>
    /// <value>0; at most 5 minutes.</value>
    public TimeSpan ReadinessDelay { get; init; }
}

internal sealed class ShutdownOptionsValidator : IValidateOptions<ShutdownOptions>
{
    private static readonly TimeSpan Most = TimeSpan.FromMinutes(5);

    public ValidateOptionsResult Validate(string? name, ShutdownOptions options) =>
        options.ReadinessDelay >= TimeSpan.Zero && options.ReadinessDelay <= Most
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail($"{ShutdownOptions.Section}:ReadinessDelay must be from {TimeSpan.Zero} to {Most}.");
}
