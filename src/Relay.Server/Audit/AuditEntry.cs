using System.Text.Json;
using System.Text.Json.Serialization;

namespace Relay.Server.Audit;

/// <summary>An administrative act, or a refused attempt at one. Nothing in it opens anything.</summary>
internal sealed record AuditEntry
{
    /// <summary>Unix ms.</summary>
    public required long At { get; init; }

    /// <summary>One of <see cref="AuditActs"/>.</summary>
    public required string Act { get; init; }

    /// <summary>The id of the admin key, <c>config</c> for that of the configuration, a relay id for an agent; absent: not known.</summary>
    public string? Actor { get; init; }

    /// <summary>The admin key's name.</summary>
    public string? ActorName { get; init; }

    /// <summary>Whom or what it is about: a relay id, event id or key id.</summary>
    public string? Target { get; init; }

    /// <summary>What was done, in a few words.</summary>
    public string? Detail { get; init; }

    /// <summary>Who asked, as the server sees it: behind a proxy, the proxy.</summary>
    public string? Address { get; init; }

    /// <summary><c>ok</c>, or the error that it was answered.</summary>
    public required string Outcome { get; init; }

    /// <summary>Refused attempts before this one that are not in the log, because there were too many.</summary>
    public int? Omitted { get; init; }
}

/// <summary>The names of acts. They are kept: none is renamed.</summary>
internal static class AuditActs
{
    public const string Register = "agent.register";
    public const string Change = "agent.change";
    public const string Deactivate = "agent.deactivate";
    public const string Rotate = "agent.rotate";
    public const string ReplayMany = "agent.replay";
    public const string ReplayOne = "event.replay";
    public const string MakeKey = "admin_key.make";
    public const string RevokeKey = "admin_key.revoke";
    public const string Reencrypt = "encryption.reencrypt";

    /// <summary>A call with an admin key that opens nothing, or whose role is too small.</summary>
    public const string Refused = "admin.refused";
}

internal sealed record AuditList(
    IReadOnlyList<AuditEntry> Entries, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? NextCursor);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(AuditEntry))]
[JsonSerializable(typeof(AuditList))]
internal sealed partial class AuditJson : JsonSerializerContext
{
    public static byte[] Write(AuditEntry entry) => JsonSerializer.SerializeToUtf8Bytes(entry, Default.AuditEntry);

    public static AuditEntry Read(ReadOnlySpan<byte> entry) => JsonSerializer.Deserialize(entry, Default.AuditEntry)!;
}
