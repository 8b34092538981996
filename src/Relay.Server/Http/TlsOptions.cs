using Microsoft.Extensions.Options;

namespace Relay.Server.Http;

/// <summary><c>Relay:Tls</c>: what https addresses that the server listens on are served with.</summary>
internal sealed record TlsOptions
{
    public const string Section = "Relay:Tls";

    /// <summary>A PEM file: the certificate, then those that lead to its authority.</summary>
    /// <value>None: Kestrel's own settings hold.</value>
    public string? CertificatePath { get; init; }

    /// <summary>A PEM file: the certificate's key, not encrypted.</summary>
    /// <value>It is in the certificate's file.</value>
    public string? KeyPath { get; init; }
}

internal sealed class TlsOptionsValidator : IValidateOptions<TlsOptions>
{
    public ValidateOptionsResult Validate(string? name, TlsOptions options) =>
        options.CertificatePath is null && options.KeyPath is not null ? ValidateOptionsResult.Fail($"{TlsOptions.Section}:KeyPath is set and CertificatePath is not.")
        : options.CertificatePath is not null && CertificateFiles.TryRead(options, out var fault) is null ? ValidateOptionsResult.Fail(fault!)
        : ValidateOptionsResult.Success;
}
