using System.Text.Json.Serialization;

namespace Relay.Protocol;

/// <summary>A frame that the server sends. Times are Unix milliseconds.</summary>
public abstract record ServerMessage
{
    private protected ServerMessage()
    {
    }

    /// <summary>The wire's name of the message.</summary>
    [JsonPropertyOrder(-1)]
    public abstract string Type { get; }
}

/// <summary>The key was taken; deliveries follow.</summary>
public sealed record AuthSuccessMessage : ServerMessage
{
    /// <inheritdoc/>
    public override string Type => "auth_success";

    /// <summary>The agent that the key belongs to.</summary>
    public required string RelayId { get; init; }

    /// <summary>Where senders post.</summary>
    public required string WebhookUrl { get; init; }

    /// <summary>This connection's name, as in logs.</summary>
    public required string SessionId { get; init; }

    /// <summary>The server's time.</summary>
    public long Timestamp { get; init; }

    /// <summary>Events waiting for the agent.</summary>
    public long Pending { get; init; }
}

/// <summary>The key was refused; the connection closes with <see cref="CloseCodes.Unauthorized"/>.</summary>
public sealed record AuthErrorMessage : ServerMessage
{
    /// <inheritdoc/>
    public override string Type => "auth_error";

    /// <summary>One of <see cref="ErrorCodes"/>.</summary>
    public required string Error { get; init; }

    /// <summary>What happened and what to do.</summary>
    public required string Message { get; init; }

    /// <summary>The server's time.</summary>
    public long Timestamp { get; init; }
}

/// <summary>Asks for a <see cref="PongMessage"/>.</summary>
public sealed record PingMessage : ServerMessage
{
    /// <inheritdoc/>
    public override string Type => "ping";

    /// <summary>The server's time.</summary>
    public long Timestamp { get; init; }
}

/// <summary>A canary through the whole way of an event; acknowledge it by its id, and show it to nobody.</summary>
public sealed record ProbeMessage : ServerMessage
{
    /// <inheritdoc/>
    public override string Type => "probe";

    /// <summary><c>prb_</c> and 32 hex digits.</summary>
    public required string Id { get; init; }
}

/// <summary>Says what was given up since the agent's last connection and will not be delivered.</summary>
public sealed record GapMessage : ServerMessage
{
    /// <inheritdoc/>
    public override string Type => "gap";

    /// <summary>Why, for instance <c>expired</c>.</summary>
    public required string Reason { get; init; }

    /// <summary>How many events.</summary>
    public long Count { get; init; }

    /// <summary>When the first of them was accepted.</summary>
    public long From { get; init; }

    /// <summary>When the last of them was accepted.</summary>
    public long To { get; init; }
}

/// <summary>A frame of the agent's could not be used; the connection stays.</summary>
public sealed record ErrorMessage : ServerMessage
{
    /// <inheritdoc/>
    public override string Type => "error";

    /// <summary>One of <see cref="ErrorCodes"/>.</summary>
    public required string Error { get; init; }

    /// <summary>What happened and what to do.</summary>
    public required string Message { get; init; }

    /// <summary>The event that it is about, if it is about one.</summary>
    public string? Id { get; init; }

    /// <summary>The server's time.</summary>
    public long Timestamp { get; init; }
}

/// <summary>The server is about to close the connection.</summary>
public sealed record DisconnectMessage : ServerMessage
{
    /// <inheritdoc/>
    public override string Type => "disconnect";

    /// <summary>One of <see cref="DisconnectReasons"/>.</summary>
    public required string Reason { get; init; }

    /// <summary>What happened and what to do.</summary>
    public required string Message { get; init; }

    /// <summary>When to connect again, in ms from now; absent: do not.</summary>
    public long? ReconnectAfterMs { get; init; }

    /// <summary>The server's time.</summary>
    public long Timestamp { get; init; }
}

/// <summary>The values of <see cref="DisconnectMessage.Reason"/>.</summary>
public static class DisconnectReasons
{
    /// <summary>The server shuts down: finish what is in flight, then connect again.</summary>
    public const string ServerShutdown = "server_shutdown";

    /// <summary>This server has more connections than others: finish what is in flight, then connect again.</summary>
    public const string Rebalance = "rebalance";

    /// <summary>A newer connection of the same agent took over.</summary>
    public const string DuplicateConnection = "duplicate_connection";

    /// <summary>A setting of the agent changed that connections follow only from their beginning: connect again at once.</summary>
    public const string SettingsChanged = "settings_changed";

    /// <summary>The agent was deactivated or its key revoked.</summary>
    public const string Deactivated = "deactivated";
}

/// <summary>Who sent an event, as far as the relay checked.</summary>
public sealed record SourceInfo
{
    /// <summary>The provider, for instance <c>github</c>.</summary>
    public required string Type { get; init; }

    /// <summary>Whether the provider's own signature was checked and right.</summary>
    public bool Verified { get; init; }
}

/// <summary>An event, handed out for the agent to work on and acknowledge.</summary>
public sealed record WebhookMessage : ServerMessage
{
    /// <inheritdoc/>
    public override string Type => "webhook";

    /// <summary>The event's id, the same on every attempt.</summary>
    public required string Id { get; init; }

    /// <summary>When this attempt was signed.</summary>
    public long Timestamp { get; init; }

    /// <summary>See <see cref="RelaySignature"/>.</summary>
    public required string Signature { get; init; }

    /// <summary>The canonical text of the body as JSON, UTF-8, exactly as it was sent; <c>null</c> for a body that is not JSON.</summary>
    public ReadOnlyMemory<byte> Payload { get; init; }

    /// <summary>1 for the first handing-out.</summary>
    public int Attempt { get; init; }

    /// <summary>The sender's method.</summary>
    public string Method { get; init; } = "POST";

    /// <summary>What followed the relay id in the sender's URL, percent-encoded as it came; <c>/</c> if nothing did.</summary>
    public string Path { get; init; } = "/";

    /// <summary>The query as it came, without its question mark.</summary>
    public string Query { get; init; } = "";

    /// <summary>The sender's headers, names in lower case, several values joined by a comma.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();

    /// <summary>The exact bytes, when they are not those of <see cref="Payload"/>.</summary>
    public byte[]? Body { get; init; }

    /// <summary>See <see cref="Protocol.StandardSignature"/>.</summary>
    public string? StandardSignature { get; init; }

    /// <summary>When the relay accepted the event.</summary>
    public long ReceivedAt { get; init; }

    /// <summary>Who sent it, if a source is configured.</summary>
    public SourceInfo? Source { get; init; }

    /// <summary>Until when the sender waits for an answer, if it does.</summary>
    public long? ReplyBy { get; init; }

    /// <summary>The event that this one repeats, if somebody had it replayed.</summary>
    public string? ReplayOf { get; init; }

    /// <summary>The body as the sender sent it, byte for byte.</summary>
    public ReadOnlyMemory<byte> ExactBody => Body ?? Payload;

    /// <summary>
    /// Checks that the api key's owner signed this: over the payload's text, and the exact bytes have just that text; over the exact
    /// bytes when they are not JSON. However old, see <see cref="IsFresh"/>.
    /// </summary>
    public bool HasValidSignature(ApiKey apiKey)
    {
        if (Body is null)
        {
            return RelaySignature.Matches(apiKey, Signature, Timestamp, Payload.Span);
        }

        var text = new System.Buffers.ArrayBufferWriter<byte>(Body.Length + 1);
        return CanonicalJson.TryWrite(Body, text)
            ? text.WrittenSpan.SequenceEqual(Payload.Span) && RelaySignature.Matches(apiKey, Signature, Timestamp, Payload.Span)
            : Payload.Span.SequenceEqual("null"u8) && RelaySignature.Matches(apiKey, Signature, Timestamp, Body);
    }

    /// <summary>Checks <see cref="StandardSignature"/> over the exact bytes, however old.</summary>
    public bool HasValidSignature(SigningSecret secret) =>
        Protocol.StandardSignature.Matches(secret, StandardSignature, Id, Timestamp / 1000, ExactBody.Span);

    /// <summary>Whether it was signed at most <see cref="RelaySignature.MaxAge"/> before and <see cref="RelaySignature.MaxAhead"/> after <paramref name="now"/>.</summary>
    public bool IsFresh(DateTimeOffset now)
    {
        var age = now.ToUnixTimeMilliseconds() - (Int128)Timestamp;
        return age <= (Int128)RelaySignature.MaxAge.TotalMilliseconds && -age <= (Int128)RelaySignature.MaxAhead.TotalMilliseconds;
    }

    /// <summary>Without what the sender put into it: senders keep secrets in paths, queries and headers.</summary>
    public override string ToString() => $"webhook {{ id = {Id}, attempt = {Attempt} }}";
}
