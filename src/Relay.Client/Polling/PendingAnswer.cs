using System.Text.Json;
using Relay.Protocol;

namespace Relay.Client;

/// <summary>The answer to a poll, <c>{"count":n,"events":[…]}</c>, each event a webhook frame with more fields.</summary>
internal static class PendingAnswer
{
    /// <returns>The events, null for one that is malformed; all null when this is no such answer.</returns>
    public static List<WebhookMessage?>? Read(ReadOnlySpan<byte> utf8)
    {
        try
        {
            var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = CanonicalJson.MaxDepth + 16 });
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
            {
                return null;
            }

            List<WebhookMessage?>? events = null;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var isEvents = reader.ValueTextEquals("events"u8);
                reader.Read();
                if (isEvents && reader.TokenType == JsonTokenType.StartArray)
                {
                    events = ReadEvents(ref reader, utf8);
                }
                else
                {
                    reader.Skip();
                }
            }

            return events;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static List<WebhookMessage?> ReadEvents(ref Utf8JsonReader reader, ReadOnlySpan<byte> utf8)
    {
        var events = new List<WebhookMessage?>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            var start = (int)reader.TokenStartIndex;
            reader.Skip();
            events.Add(Frames.ReadServerMessage(utf8[start..(int)reader.BytesConsumed], out _) as WebhookMessage);
        }

        return events;
    }
}
