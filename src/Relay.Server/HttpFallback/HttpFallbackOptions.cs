using System.Net;
using Microsoft.Extensions.Options;

namespace Relay.Server.HttpFallback;

/// <summary><c>Relay:HttpFallback</c>.</summary>
internal sealed record HttpFallbackOptions
{
    public const string Section = "Relay:HttpFallback";

    /// <summary>Networks (CIDR) whose addresses may be called although they are not public, and without TLS.</summary>
    /// <value>None.</value>
    public IReadOnlyList<string> AllowedNetworks { get; init; } = [];
}

internal sealed class HttpFallbackOptionsValidator : IValidateOptions<HttpFallbackOptions>
{
    public ValidateOptionsResult Validate(string? name, HttpFallbackOptions options)
    {
        var faults = options.AllowedNetworks
            .Select(static (network, i) => (network, i))
            .Where(static item => !IPNetwork.TryParse(item.network, out _))
            .Select(static item => $"{HttpFallbackOptions.Section}:AllowedNetworks:{item.i} must be a network such as 10.0.0.0/8 or fd00::/8.")
            .ToList();
        return faults.Count > 0 ? ValidateOptionsResult.Fail(faults) : ValidateOptionsResult.Success;
    }
}
