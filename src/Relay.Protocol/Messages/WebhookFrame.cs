using System.Buffers;
using System.Buffers.Text;
using System.Text.Json;

namespace Relay.Protocol;

/// <summary>The keys that sign one agent's deliveries.</summary>
/// <param name="ApiKey">Signs <c>signature</c>.</param>
/// <param name="SigningSecrets">Sign <c>standard_signature</c>; two during a rotation.</param>
public sealed record SigningKeys(ApiKey ApiKey, IReadOnlyList<SigningSecret> SigningSecrets);

/// <summary>What a <c>webhook</c> frame is made of.</summary>
public readonly ref struct WebhookParts
{
    /// <summary>The event.</summary>
    public required EventId Id { get; init; }

    /// <summary>Unix ms of this attempt.</summary>
    public required long TimestampMs { get; init; }

    /// <summary>1 for the first handing-out.</summary>
    public required int Attempt { get; init; }

    /// <summary>Unix ms at which the event was accepted.</summary>
    public required long ReceivedAtMs { get; init; }

    /// <summary>
    /// A JSON object in UTF-8 whose members go into the frame as they are: <c>method</c>, <c>path</c>, <c>query</c>, <c>headers</c>
    /// and, if there are, <c>source</c> and <c>replay_of</c>.
    /// </summary>
    public required ReadOnlySpan<byte> Head { get; init; }

    /// <summary>The exact bytes that were accepted.</summary>
    public required ReadOnlySpan<byte> Body { get; init; }

    /// <summary>Unix ms until which the sender waits for an answer; null when none waits.</summary>
    public long? ReplyByMs { get; init; }
}

/// <summary>The hot frame, written and read by hand: bytes to bytes, the body is copied once.</summary>
public static class WebhookFrame
{
    /// <summary>Signs and writes one <c>webhook</c> frame.</summary>
    public static void Write(IBufferWriter<byte> output, in WebhookParts parts, SigningKeys keys)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(keys);

        using var canonical = new PooledBufferWriter(parts.Body.Length + 64);
        var isJson = CanonicalJson.TryWrite(parts.Body, canonical);
        var payload = isJson ? canonical.WrittenSpan : "null"u8;
        Span<byte> id = stackalloc byte[EventId.TextLength];
        parts.Id.Format(id);
        Span<byte> signature = stackalloc byte[RelaySignature.Length];
        RelaySignature.Write(keys.ApiKey, parts.TimestampMs, isJson ? payload : parts.Body, signature);

        output.Write("{\"type\":\"webhook\",\"id\":\""u8);
        output.Write(id);
        output.Write("\",\"timestamp\":"u8);
        WriteNumber(output, parts.TimestampMs);
        output.Write(",\"signature\":\""u8);
        output.Write(signature);
        output.Write("\",\"payload\":"u8);
        output.Write(payload);
        output.Write(",\"attempt\":"u8);
        WriteNumber(output, parts.Attempt);
        if (parts.Head.Length > 2)
        {
            output.Write(","u8);
            output.Write(parts.Head[1..^1]);
        }

        if (!parts.Body.SequenceEqual(payload))
        {
            output.Write(",\"body\":\""u8);
            WriteBase64(output, parts.Body);
            output.Write("\""u8);
        }

        output.Write(",\"standard_signature\":\""u8);
        Span<byte> standard = stackalloc byte[StandardSignature.Length];
        for (var i = 0; i < keys.SigningSecrets.Count; i++)
        {
            if (i > 0)
            {
                output.Write(" "u8);
            }

            StandardSignature.Write(keys.SigningSecrets[i], id, parts.TimestampMs / 1000, parts.Body, standard);
            output.Write(standard);
        }

        output.Write("\",\"received_at\":"u8);
        WriteNumber(output, parts.ReceivedAtMs);
        if (parts.ReplyByMs is { } replyBy)
        {
            output.Write(",\"reply_by\":"u8);
            WriteNumber(output, replyBy);
        }

        output.Write("}"u8);
    }

    /// <summary>Reads one <c>webhook</c> frame; its payload and body are copies.</summary>
    internal static WebhookMessage? Read(ReadOnlySpan<byte> utf8, out FrameError error)
    {
        try
        {
            error = default;
            var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = CanonicalJson.MaxDepth + 8 });
            var fields = new Fields();
            reader.Read();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                ReadField(ref reader, utf8, ref fields);
            }

            // One more, which throws if anything follows the object.
            _ = reader.Read();
            if (fields.Id is null || fields.Signature is null || fields.Payload is null)
            {
                error = new FrameError(ErrorCodes.InvalidMessage, "A webhook needs 'id', 'signature' and 'payload'.");
                return null;
            }

            return new WebhookMessage
            {
                Id = fields.Id,
                Timestamp = fields.Timestamp,
                Signature = fields.Signature,
                Payload = fields.Payload,
                Attempt = fields.Attempt,
                Method = fields.Method ?? "POST",
                Path = fields.Path ?? "/",
                Query = fields.Query ?? "",
                Headers = fields.Headers ?? [],
                Body = fields.Body,
                StandardSignature = fields.StandardSignature,
                ReceivedAt = fields.ReceivedAt,
                Source = fields.Source,
                ReplyBy = fields.ReplyBy,
                ReplayOf = fields.ReplayOf,
            };
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or FormatException)
        {
            error = new FrameError(ErrorCodes.InvalidMessage, "The webhook frame is malformed.");
            return null;
        }
    }

    private static void ReadField(ref Utf8JsonReader reader, ReadOnlySpan<byte> utf8, ref Fields fields)
    {
        var name = reader.GetString();
        reader.Read();
        switch (name)
        {
            case "id": fields.Id = reader.GetString(); break;
            case "timestamp": fields.Timestamp = reader.GetInt64(); break;
            case "signature": fields.Signature = reader.GetString(); break;
            case "attempt": fields.Attempt = reader.GetInt32(); break;
            case "method": fields.Method = reader.GetString(); break;
            case "path": fields.Path = reader.GetString(); break;
            case "query": fields.Query = reader.GetString(); break;
            case "body": fields.Body = reader.TokenType == JsonTokenType.Null ? null : reader.GetBytesFromBase64(); break;
            case "standard_signature": fields.StandardSignature = reader.GetString(); break;
            case "received_at": fields.ReceivedAt = reader.GetInt64(); break;
            case "reply_by": fields.ReplyBy = reader.TokenType == JsonTokenType.Null ? null : reader.GetInt64(); break;
            case "replay_of": fields.ReplayOf = reader.GetString(); break;
            case "headers": fields.Headers = ReadHeaders(ref reader); break;
            case "source": fields.Source = JsonSerializer.Deserialize(ref reader, MessageJson.Default.SourceInfo); break;
            case "payload":
                var start = (int)reader.TokenStartIndex;
                reader.Skip();
                fields.Payload = utf8[start..(int)reader.BytesConsumed].ToArray();
                break;
            default: reader.Skip(); break;
        }
    }

    private static Dictionary<string, string>? ReadHeaders(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            return reader.TokenType == JsonTokenType.Null ? null : throw new JsonException("'headers' is not an object.");
        }

        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            reader.Read();
            headers[name] = reader.GetString() ?? "";
        }

        return headers;
    }

    private static void WriteNumber(IBufferWriter<byte> output, long value)
    {
        var span = output.GetSpan(20);
        _ = Utf8Formatter.TryFormat(value, span, out var written);
        output.Advance(written);
    }

    private static void WriteBase64(IBufferWriter<byte> output, ReadOnlySpan<byte> bytes)
    {
        var span = output.GetSpan(Base64.GetMaxEncodedToUtf8Length(bytes.Length));
        _ = Base64.EncodeToUtf8(bytes, span, out _, out var written);
        output.Advance(written);
    }

    private struct Fields
    {
        public string? Id, Signature, Method, Path, Query, StandardSignature, ReplayOf;
        public long Timestamp, ReceivedAt;
        public long? ReplyBy;
        public int Attempt;
        public byte[]? Payload, Body;
        public Dictionary<string, string>? Headers;
        public SourceInfo? Source;
    }
}
