using Microsoft.Extensions.Options;

namespace Relay.Server.Storage;

/// <summary><c>Relay:Storage</c>.</summary>
internal sealed class StorageOptions
{
    public const string Section = "Relay:Storage";

    public const string EmbeddedKind = "embedded";

    public const string RedisKind = "redis";

    /// <summary>Which store: <c>embedded</c> or <c>redis</c>.</summary>
    /// <value><c>embedded</c>.</value>
    public string Kind { get; init; } = EmbeddedKind;

    /// <summary>The data folder: the embedded store, and the keys made on the first run in Development.</summary>
    /// <value><c>relay-data</c> in the working folder.</value>
    public string Path { get; init; } = "relay-data";

    /// <summary>StackExchange.Redis connection string. May hold a password: never logged.</summary>
    public string? Redis { get; init; }

    /// <summary>What every key in Redis begins with.</summary>
    /// <value><c>relay:</c>.</value>
    public string KeyPrefix { get; init; } = "relay:";
}

internal sealed class StorageOptionsValidator : IValidateOptions<StorageOptions>
{
    public ValidateOptionsResult Validate(string? name, StorageOptions options)
    {
        List<string> faults = [];
        if (options.Kind is not (StorageOptions.EmbeddedKind or StorageOptions.RedisKind))
        {
            faults.Add($"Relay:Storage:Kind is '{options.Kind}'; it must be 'embedded' or 'redis'.");
        }

        if (options.Kind == StorageOptions.RedisKind && string.IsNullOrWhiteSpace(options.Redis))
        {
            faults.Add("Relay:Storage:Redis is not set. With Relay:Storage:Kind 'redis' it is the connection string, for instance 'localhost:6379'.");
        }

        if (string.IsNullOrWhiteSpace(options.Path))
        {
            faults.Add("Relay:Storage:Path is empty. It is the data folder.");
        }

        if (options.KeyPrefix.AsSpan().ContainsAny('{', '}'))
        {
            faults.Add("Relay:Storage:KeyPrefix must not have braces: Redis Cluster would take them for a hash tag.");
        }

        return faults.Count > 0 ? ValidateOptionsResult.Fail(faults) : ValidateOptionsResult.Success;
    }
}
