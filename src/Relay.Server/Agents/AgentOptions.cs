using Microsoft.Extensions.Options;

namespace Relay.Server.Agents;

/// <summary><c>Relay</c>: where the server is and who may administer it.</summary>
internal sealed class RelayOptions
{
    public const string Section = "Relay";

    public const int MinAdminKeyLength = 16;

    /// <summary>What webhook URLs begin with, for instance <c>https://relay.example.com</c>.</summary>
    /// <value>The scheme and host of the request that asks.</value>
    public string? PublicUrl { get; init; }

    /// <summary>What <c>X-Admin-Key</c> must be; a secret of 16 or more characters.</summary>
    /// <value>In Development made on the first run and kept in the data folder; none elsewhere.</value>
    public string? AdminKey { get; set; }
}

/// <summary><c>Relay:Encryption</c>.</summary>
internal sealed class EncryptionOptions
{
    public const string Section = "Relay:Encryption";

    /// <summary>Base64 of 32 bytes each; the first encrypts, all decrypt.</summary>
    /// <value>In Development one is made on the first run and kept in the data folder; none elsewhere.</value>
    public IReadOnlyList<string> Keys { get; set; } = [];
}

internal sealed class RelayOptionsValidator : IValidateOptions<RelayOptions>
{
    public ValidateOptionsResult Validate(string? name, RelayOptions options)
    {
        List<string> faults = [];
        if (string.IsNullOrEmpty(options.AdminKey))
        {
            faults.Add("Relay:AdminKey is not set. Outside Development the server does not make one: set Relay__AdminKey to a secret of 16 or more characters, for instance the output of 'openssl rand -hex 32'.");
        }
        else if (options.AdminKey.Length < RelayOptions.MinAdminKeyLength)
        {
            faults.Add($"Relay:AdminKey has {options.AdminKey.Length} characters; it needs {RelayOptions.MinAdminKeyLength} or more.");
        }

        if (options.PublicUrl is { Length: > 0 } url && !(Uri.TryCreate(url, UriKind.Absolute, out var parsed) && parsed.Scheme is "http" or "https" && parsed.Query.Length == 0))
        {
            faults.Add("Relay:PublicUrl is not an http or https URL without a query, as in https://relay.example.com.");
        }

        return faults.Count > 0 ? ValidateOptionsResult.Fail(faults) : ValidateOptionsResult.Success;
    }
}

internal sealed class EncryptionOptionsValidator : IValidateOptions<EncryptionOptions>
{
    public ValidateOptionsResult Validate(string? name, EncryptionOptions options)
    {
        if (options.Keys.Count == 0)
        {
            return ValidateOptionsResult.Fail("Relay:Encryption:Keys:0 is not set. Outside Development the server does not make one: set Relay__Encryption__Keys__0 to base64 of 32 random bytes, for instance the output of 'openssl rand -base64 32'.");
        }

        var faults = options.Keys
            .Select((key, index) => (key, index))
            .Where(item => !IsKey(item.key))
            .Select(item => $"Relay:Encryption:Keys:{item.index} is not base64 of 32 bytes; 'openssl rand -base64 32' makes one.")
            .ToList();
        return faults.Count > 0 ? ValidateOptionsResult.Fail(faults) : ValidateOptionsResult.Success;

        static bool IsKey(string key)
        {
            Span<byte> bytes = stackalloc byte[64];
            return key.Length <= 64 && Convert.TryFromBase64String(key, bytes, out var written) && written == 32;
        }
    }
}
