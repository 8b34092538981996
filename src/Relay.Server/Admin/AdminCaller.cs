namespace Relay.Server.Admin;

/// <summary>The administrator who makes a call.</summary>
/// <param name="Id">Of the key.</param>
/// <param name="Name">Of the key, for people.</param>
/// <param name="Role">What may be done with it.</param>
internal sealed record AdminCaller(string Id, string Name, AdminRole Role)
{
    /// <summary>Who has the key of the configuration.</summary>
    public static readonly AdminCaller Configured = new("config", "Relay:AdminKey", AdminRole.Admin);

    /// <summary>SHA-256 of the key; null: the configuration's, which lasts as long as this process.</summary>
    public byte[]? KeyHash { get; init; }

    /// <summary>Unix ms; null: never.</summary>
    public long? ExpiresAt { get; init; }

    public static AdminCaller Of(AdminKeyRecord key) =>
        new(key.Id, key.Name, key.Role) { KeyHash = key.KeyHash, ExpiresAt = key.ExpiresAt };
}
