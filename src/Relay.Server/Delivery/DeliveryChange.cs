using System.Text.Json;
using Relay.Server.Limits;

namespace Relay.Server.Delivery;

/// <summary>
/// Reads delivery settings as they are sent: JSON merge, where null resets a setting to the server's. A setting that is not known is
/// refused: one that is not acted upon must not seem to be.
/// </summary>
internal static class DeliveryChange
{
    private const int MaxRetryDelays = 100;
    private const int MaxShownLength = 64;

    /// <param name="settings">What holds now.</param>
    /// <param name="change">A JSON object; null or absent: nothing changes.</param>
    /// <param name="fault">A sentence that names what is wrong, if something is.</param>
    /// <returns>What holds then.</returns>
    public static DeliverySettings Merge(DeliverySettings settings, JsonElement change, out string? fault)
    {
        fault = null;
        switch (change.ValueKind)
        {
            case JsonValueKind.Undefined:
                return settings;
            case JsonValueKind.Null:
                return DeliverySettings.None;
            case JsonValueKind.Object:
                break;
            default:
                fault = "delivery is a JSON object.";
                return settings;
        }

        var merged = settings;
        foreach (var setting in change.EnumerateObject())
        {
            if (Set(ref merged, setting.Name, setting.Value) is { } rule)
            {
                fault = $"delivery.{Shown(setting.Name)} {rule}.";
                return settings;
            }
        }

        return merged;
    }

    /// <returns>The rule that the value breaks, if it breaks one.</returns>
    private static string? Set(ref DeliverySettings to, string name, JsonElement value)
    {
        string? rule;
        switch (name)
        {
            case "ack_timeout_ms":
                rule = Read(value, Ms(DeliveryLimits.MinAckTimeout), Ms(DeliveryLimits.MaxAckTimeout), out var ackTimeout);
                to = to with { AckTimeoutMs = ackTimeout };
                return rule;
            case "retry_delays_ms":
                rule = ReadMany(value, Ms(DeliveryLimits.MaxRetryDelay), out var retryDelays);
                to = to with { RetryDelaysMs = retryDelays };
                return rule;
            case "max_attempts":
                rule = Read(value, 1, DeliveryLimits.MaxAttempts, out var maxAttempts);
                to = to with { MaxAttempts = (int?)maxAttempts };
                return rule;
            case "retention_seconds":
                rule = Read(value, 1, (long)DeliveryLimits.MaxRetention.TotalSeconds, out var retention);
                to = to with { RetentionSeconds = retention };
                return rule;
            case "max_in_flight":
                rule = Read(value, 1, DeliveryLimits.MaxInFlight, out var maxInFlight);
                to = to with { MaxInFlight = (int?)maxInFlight };
                return rule;
            case "max_queued_events":
                rule = Read(value, 1, long.MaxValue, out var maxEvents);
                to = to with { MaxQueuedEvents = maxEvents };
                return rule;
            case "max_queued_bytes":
                rule = Read(value, 1, long.MaxValue, out var maxBytes);
                to = to with { MaxQueuedBytes = maxBytes };
                return rule;
            case "webhooks_per_minute":
                rule = Read(value, 0, RateLimitOptions.Most, out var perMinute);
                to = to with { WebhooksPerMinute = (int?)perMinute };
                return rule;
            case "sender_wait_seconds":
                rule = Read(value, 0, (long)DeliveryLimits.MaxSenderWait.TotalSeconds, out var senderWait);
                to = to with { SenderWaitSeconds = (int?)senderWait };
                return rule;
            case "ordering_key":
                rule = value.ValueKind == JsonValueKind.Null || (value.ValueKind == JsonValueKind.String && OrderingKey.IsPlace(value.GetString())) ? null : OrderingKey.Rule;
                to = to with { OrderingKey = rule is null ? value.GetString() : null };
                return rule;
            case "paused":
                to = to with { Paused = value.ValueKind switch { JsonValueKind.True => true, JsonValueKind.False => false, _ => null } };
                return value.ValueKind is JsonValueKind.True or JsonValueKind.False or JsonValueKind.Null ? null : "must be true, false or null";
            case "connections":
                to = to with { Connections = ReadMode(value) };
                return to.Connections is null && value.ValueKind != JsonValueKind.Null ? "must be \"exclusive\", \"shared\" or null" : null;
            case "http":
                to = to with { Http = value.ValueKind == JsonValueKind.String ? value.GetString() : null };
                return value.ValueKind == JsonValueKind.Null || to.Http is DeliverySettings.HttpFallback or DeliverySettings.HttpAlways
                    ? null
                    : "must be \"fallback\", \"always\" or null";
            default:
                return "is not a setting. The settings are ack_timeout_ms, retry_delays_ms, max_attempts, retention_seconds, max_in_flight, max_queued_events, max_queued_bytes, webhooks_per_minute, sender_wait_seconds, ordering_key, paused, connections and http";
        }
    }

    private static ConnectionMode? ReadMode(JsonElement value) => value.ValueKind != JsonValueKind.String ? null
        : value.ValueEquals("shared"u8) ? ConnectionMode.Shared
        : value.ValueEquals("exclusive"u8) ? ConnectionMode.Exclusive
        : null;

    private static string? Read(JsonElement value, long least, long most, out long? number)
    {
        number = null;
        if (value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var read) && read >= least && read <= most)
        {
            number = read;
            return null;
        }

        return $"must be a whole number from {least} to {most}, or null for the server's";
    }

    private static string? ReadMany(JsonElement value, long most, out IReadOnlyList<long>? numbers)
    {
        numbers = null;
        if (value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }

        var rule = $"must be a list of 1 to {MaxRetryDelays} whole numbers from 0 to {most}, or null for the server's";
        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() is < 1 or > MaxRetryDelays)
        {
            return rule;
        }

        List<long> read = [];
        foreach (var item in value.EnumerateArray())
        {
            if (Read(item, 0, most, out var number) is not null || number is null)
            {
                return rule;
            }

            read.Add(number.Value);
        }

        numbers = read;
        return null;
    }

    private static long Ms(TimeSpan time) => (long)time.TotalMilliseconds;

    private static string Shown(string name) => name.Length <= MaxShownLength ? name : name[..MaxShownLength] + "…";
}
