using System.Text.Json;
using Relay.Protocol;

namespace Relay.Server.Ingest.Sources;

/// <summary>Reads one field of a JSON object without parsing it into objects.</summary>
internal static class JsonField
{
    /// <returns>The first top-level string of that name, if it has 1 to <paramref name="maxLength"/> characters; null for anything else.</returns>
    public static string? Find(ReadOnlySpan<byte> body, ReadOnlySpan<byte> name, int maxLength)
    {
        if (!CanonicalJson.IsJson(body))
        {
            return null;
        }

        try
        {
            var reader = new Utf8JsonReader(body, new JsonReaderOptions { MaxDepth = CanonicalJson.MaxDepth });
            reader.Read();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var isIt = reader.ValueTextEquals(name);
                reader.Read();
                if (isIt)
                {
                    return reader.TokenType == JsonTokenType.String && reader.GetString() is { Length: > 0 } value && value.Length <= maxLength ? value : null;
                }

                reader.Skip();
            }
        }
        catch (InvalidOperationException)
        {
            // Escapes that stand for half a character are JSON, but no text.
        }

        return null;
    }
}
