using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using System.Text.Unicode;

namespace Relay.Protocol;

/// <summary>Why a frame could not be read.</summary>
/// <param name="Error">One of <see cref="ErrorCodes"/>.</param>
/// <param name="Message">What is wrong and what to send instead.</param>
public readonly record struct FrameError(string Error, string Message);

/// <summary>
/// Reads and writes the text frames of the agent's WebSocket: one JSON object each, told apart by <c>type</c>. The type is peeked
/// first and the concrete record read after, so an unknown type is a value, not an exception.
/// </summary>
public static class Frames
{
    /// <summary>Characters of the peer's own text that an error repeats to it.</summary>
    private const int MaxShown = 64;

    private static readonly FrameError NotAnObject = new(ErrorCodes.InvalidMessage, "A frame is one JSON object in UTF-8 with a string field 'type'.");

    /// <summary>Reads what an agent sent. Never throws for what is in the frame.</summary>
    public static AgentMessage? ReadAgentMessage(ReadOnlySpan<byte> utf8, out FrameError error)
    {
        if (!TryPeekType(utf8, out var type, out error))
        {
            return null;
        }

        return type switch
        {
            "ack" => AckFrame.TryRead(utf8) ?? ReadAck(utf8, out error),
            "nack" => Read(utf8, MessageJson.Default.NackMessage, out error),
            "extend" => Read(utf8, MessageJson.Default.ExtendMessage, out error),
            "reply" => Read(utf8, MessageJson.Default.ReplyMessage, out error),
            "pong" => Read(utf8, MessageJson.Default.PongMessage, out error),
            "auth" => Read(utf8, MessageJson.Default.AuthMessage, out error),
            _ => Unknown<AgentMessage>(utf8, type, out error),
        };
    }

    /// <summary>
    /// Reads what the server sent. Never throws for what is in the frame; a type that a newer server may have answers
    /// <see cref="ErrorCodes.UnknownMessageType"/>, to be ignored. A webhook's payload is copied out of <paramref name="utf8"/>.
    /// </summary>
    public static ServerMessage? ReadServerMessage(ReadOnlySpan<byte> utf8, out FrameError error)
    {
        if (!TryPeekType(utf8, out var type, out error))
        {
            return null;
        }

        return type switch
        {
            "webhook" => WebhookFrame.Read(utf8, out error),
            "ping" => Read(utf8, MessageJson.Default.PingMessage, out error),
            "probe" => Read(utf8, MessageJson.Default.ProbeMessage, out error),
            "gap" => Read(utf8, MessageJson.Default.GapMessage, out error),
            "error" => Read(utf8, MessageJson.Default.ErrorMessage, out error),
            "disconnect" => Read(utf8, MessageJson.Default.DisconnectMessage, out error),
            "auth_success" => Read(utf8, MessageJson.Default.AuthSuccessMessage, out error),
            "auth_error" => Read(utf8, MessageJson.Default.AuthErrorMessage, out error),
            _ => Unknown<ServerMessage>(utf8, type, out error),
        };
    }

    /// <summary>The frame of an agent's message, UTF-8.</summary>
    public static byte[] Write(AgentMessage message) => message switch
    {
        AckMessage ack => JsonSerializer.SerializeToUtf8Bytes(ack, MessageJson.Default.AckMessage),
        NackMessage nack => JsonSerializer.SerializeToUtf8Bytes(nack, MessageJson.Default.NackMessage),
        ExtendMessage extend => JsonSerializer.SerializeToUtf8Bytes(extend, MessageJson.Default.ExtendMessage),
        ReplyMessage reply => JsonSerializer.SerializeToUtf8Bytes(reply, MessageJson.Default.ReplyMessage),
        PongMessage pong => JsonSerializer.SerializeToUtf8Bytes(pong, MessageJson.Default.PongMessage),
        AuthMessage auth => JsonSerializer.SerializeToUtf8Bytes(auth, MessageJson.Default.AuthMessage),
        _ => throw new ArgumentOutOfRangeException(nameof(message)),
    };

    /// <summary>The frame of a server's message, UTF-8. Webhooks are written by <see cref="WebhookFrame"/>.</summary>
    public static byte[] Write(ServerMessage message) => message switch
    {
        PingMessage ping => JsonSerializer.SerializeToUtf8Bytes(ping, MessageJson.Default.PingMessage),
        ProbeMessage probe => JsonSerializer.SerializeToUtf8Bytes(probe, MessageJson.Default.ProbeMessage),
        GapMessage gap => JsonSerializer.SerializeToUtf8Bytes(gap, MessageJson.Default.GapMessage),
        ErrorMessage error => JsonSerializer.SerializeToUtf8Bytes(error, MessageJson.Default.ErrorMessage),
        DisconnectMessage disconnect => JsonSerializer.SerializeToUtf8Bytes(disconnect, MessageJson.Default.DisconnectMessage),
        AuthSuccessMessage success => JsonSerializer.SerializeToUtf8Bytes(success, MessageJson.Default.AuthSuccessMessage),
        AuthErrorMessage error => JsonSerializer.SerializeToUtf8Bytes(error, MessageJson.Default.AuthErrorMessage),
        _ => throw new ArgumentOutOfRangeException(nameof(message)),
    };

    internal static FrameError Malformed(JsonException exception) =>
        new(ErrorCodes.InvalidMessage, exception.Path is { Length: > 0 and <= MaxShown } path and not "$"
            ? $"The field at {path} has the wrong type or form."
            : "The frame is not valid JSON, or one of its fields has the wrong type or form.");

    private static T? Read<T>(ReadOnlySpan<byte> utf8, JsonTypeInfo<T> type, out FrameError error)
        where T : class
    {
        try
        {
            error = default;
            return JsonSerializer.Deserialize(utf8, type);
        }
        catch (JsonException exception)
        {
            error = Malformed(exception);
            return null;
        }
    }

    /// <summary>Acks of any form. The serializer checks every field for null, but no list's elements.</summary>
    internal static AckMessage? ReadAck(ReadOnlySpan<byte> utf8, out FrameError error)
    {
        var ack = Read(utf8, MessageJson.Default.AckMessage, out error);
        if (ack?.Ids is { } ids && ids.Contains(null!))
        {
            error = new FrameError(ErrorCodes.InvalidMessage, "The field at $.ids has the wrong type or form.");
            return null;
        }

        return ack;
    }

    private static T? Unknown<T>(ReadOnlySpan<byte> utf8, string type, out FrameError error)
        where T : class
    {
        if (!CanonicalJson.IsJson(utf8))
        {
            error = NotAnObject;
            return null;
        }

        var shown = type.Length > MaxShown ? type[..MaxShown] + "…" : type;
        error = new FrameError(ErrorCodes.UnknownMessageType, $"Messages of type '{shown}' are not known here; it was ignored.");
        return null;
    }

    private static bool TryPeekType(ReadOnlySpan<byte> utf8, out string type, out FrameError error)
    {
        type = "";
        error = NotAnObject;

        // The JSON reader looks at a string's bytes only when it is asked for the string, so never at those of ignored fields.
        if (!Utf8.IsValid(utf8))
        {
            return false;
        }

        try
        {
            var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = CanonicalJson.MaxDepth + 8 });
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                return false;
            }

            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                if (reader.ValueTextEquals("type"u8))
                {
                    if (!reader.Read() || reader.TokenType != JsonTokenType.String)
                    {
                        return false;
                    }

                    (type, error) = (KnownType(ref reader), default);
                    return true;
                }

                reader.Skip();
            }

            return false;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            // InvalidOperationException: a string has half a surrogate pair.
            return false;
        }
    }

    /// <summary>The frequent types without an allocation.</summary>
    private static string KnownType(ref Utf8JsonReader reader) =>
        reader.ValueTextEquals("webhook"u8) ? "webhook"
        : reader.ValueTextEquals("ack"u8) ? "ack"
        : reader.ValueTextEquals("ping"u8) ? "ping"
        : reader.ValueTextEquals("pong"u8) ? "pong"
        : reader.GetString()!;
}
