namespace Relay.Server.Storage;

/// <summary><c>Relay:Storage</c>.</summary>
internal sealed class StorageOptions
{
    public const string Section = "Relay:Storage";

    /// <summary>Which store: <c>embedded</c> or <c>redis</c>.</summary>
    /// <value><c>embedded</c>.</value>
    public string Kind { get; init; } = "embedded";

    /// <summary>The data folder: the embedded store, and the keys made on the first run in Development.</summary>
    /// <value><c>relay-data</c> in the working folder.</value>
    public string Path { get; init; } = "relay-data";

    /// <summary>StackExchange.Redis connection string. May hold a password: never logged.</summary>
    public string? Redis { get; init; }

    /// <summary>What every key in Redis begins with.</summary>
    /// <value><c>relay:</c>.</value>
    public string KeyPrefix { get; init; } = "relay:";
}
