using System.Text.Json;
using Relay.Protocol;

namespace Relay.Server.Ingest.Sources;

/// <summary>Reads one field of a JSON object without parsing it into objects.</summary>
internal static class JsonField
{
    /// <returns>The first top-level string of that name, if it has 1 to <paramref name="maxLength"/> characters; null for anything else.</returns>
    public static string? Find(ReadOnlySpan<byte> body, ReadOnlySpan<byte> name, int maxLength)
    {
        var raw = FindRaw(body, name);
        if (raw is not [(byte)'"', ..])
        {
            return null;
        }

        try
        {
            var reader = new Utf8JsonReader(raw);
            reader.Read();
            return reader.GetString() is { Length: > 0 } value && value.Length <= maxLength ? value : null;
        }
        catch (InvalidOperationException)
        {
            // Escapes that stand for half a character are JSON, but no text.
            return null;
        }
    }

    /// <returns>The text of the first top-level value of that name, as it stands in the body; empty if there is none, or no JSON object.</returns>
    public static ReadOnlySpan<byte> FindRaw(ReadOnlySpan<byte> body, ReadOnlySpan<byte> name)
    {
        if (!CanonicalJson.IsJson(body))
        {
            return [];
        }

        try
        {
            var reader = new Utf8JsonReader(body, new JsonReaderOptions { MaxDepth = CanonicalJson.MaxDepth });
            reader.Read();
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                var isIt = reader.ValueTextEquals(name);
                reader.Read();
                var start = (int)reader.TokenStartIndex;
                reader.Skip();
                if (isIt)
                {
                    return body[start..(int)reader.BytesConsumed];
                }
            }
        }
        catch (InvalidOperationException)
        {
            // As above, in a name.
        }

        return [];
    }
}
