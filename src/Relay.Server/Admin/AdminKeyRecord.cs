using System.Text.Json;
using System.Text.Json.Serialization;
using Relay.Server.Storage;

namespace Relay.Server.Admin;

/// <summary>An admin key as it is kept: hashed.</summary>
internal sealed record AdminKeyRecord
{
    /// <summary>Names it in lists and logs; opens nothing.</summary>
    public required string Id { get; init; }

    public required string Name { get; init; }

    public required AdminRole Role { get; init; }

    /// <summary>SHA-256 of the key, 32 bytes.</summary>
    public required byte[] KeyHash { get; init; }

    /// <summary>Unix ms.</summary>
    public required long CreatedAt { get; init; }

    /// <summary>Unix ms from which it opens nothing; null: never.</summary>
    public long? ExpiresAt { get; init; }
}

/// <summary>Keeps admin keys: few. Any thread. A call that returns is durable; every call may throw <see cref="StoreUnavailableException"/>.</summary>
internal interface IAdminKeyStore
{
    Task AddAsync(AdminKeyRecord key);

    /// <param name="keyHash">SHA-256 of a key, 32 bytes.</param>
    Task<AdminKeyRecord?> FindAsync(byte[] keyHash);

    /// <summary>All, in no order.</summary>
    Task<IReadOnlyList<AdminKeyRecord>> ListAsync();

    /// <returns>False: it was not there.</returns>
    Task<bool> RemoveAsync(byte[] keyHash);
}

/// <summary>The document that both stores keep for an admin key.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true)]
[JsonSerializable(typeof(AdminKeyRecord))]
internal sealed partial class AdminKeyDocument : JsonSerializerContext
{
    public static byte[] Write(AdminKeyRecord key) => JsonSerializer.SerializeToUtf8Bytes(key, Default.AdminKeyRecord);

    public static AdminKeyRecord Read(ReadOnlySpan<byte> document) => JsonSerializer.Deserialize(document, Default.AdminKeyRecord)!;
}
