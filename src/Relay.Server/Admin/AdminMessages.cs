using System.Text.Json.Serialization;

namespace Relay.Server.Admin;

/// <summary>The body of <c>POST /api/v1/admin/keys</c>.</summary>
internal sealed record AdminKeyRequest
{
    /// <summary>For people: whose key it is, or what it is for.</summary>
    public string? Name { get; init; }

    /// <summary>viewer, operator or admin.</summary>
    public string? Role { get; init; }

    /// <summary>Unix ms; absent: never.</summary>
    public long? ExpiresAt { get; init; }
}

/// <summary>An admin key as the API shows it.</summary>
internal sealed record AdminKeyResponse
{
    public required string Id { get; init; }

    public required string Name { get; init; }

    public required string Role { get; init; }

    /// <summary>Unix ms.</summary>
    public required long CreatedAt { get; init; }

    /// <summary>Unix ms; absent: never.</summary>
    public long? ExpiresAt { get; init; }

    /// <summary>The key itself, in the answer that made it and nowhere else.</summary>
    public string? Key { get; init; }

    public static AdminKeyResponse Of(AdminKeyRecord record, string? key = null) => new()
    {
        Id = record.Id,
        Name = record.Name,
        Role = record.Role.Text(),
        CreatedAt = record.CreatedAt,
        ExpiresAt = record.ExpiresAt,
        Key = key,
    };

    public override string ToString() => $"admin key {{ id = {Id}, name = {Name} }}";
}

internal sealed record AdminKeyList(
    IReadOnlyList<AdminKeyResponse> Keys, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? NextCursor);

/// <summary>What a part of the re-encryption did.</summary>
internal sealed record ReencryptResponse
{
    /// <summary>Agents that were looked at, deactivated ones too.</summary>
    public required int Examined { get; init; }

    /// <summary>Agents whose secrets were sealed with another key.</summary>
    public required int Reencrypted { get; init; }

    /// <summary>Agents whose secrets no configured key opens; the server's log names them.</summary>
    public required int Failed { get; init; }

    /// <summary>The <c>cursor</c> of the next part; null: that was all.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? NextCursor { get; init; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(AdminKeyRequest))]
[JsonSerializable(typeof(AdminKeyResponse))]
[JsonSerializable(typeof(AdminKeyList))]
[JsonSerializable(typeof(ReencryptResponse))]
internal sealed partial class AdminJson : JsonSerializerContext;
