using System.Text.Json;
using System.Text.Unicode;

namespace Relay.Server.Http;

/// <summary>
/// Checks JSON text more strictly than the parser does, so that what was parsed can be read, written again and answered inside other
/// JSON: UTF-8 throughout, no half of a surrogate pair in a string, no deeper than <see cref="MaxDepth"/>.
/// </summary>
internal static class JsonText
{
    public const int MaxDepth = 32;

    public static bool IsSound(ReadOnlySpan<byte> text)
    {
        if (!Utf8.IsValid(text))
        {
            return false;
        }

        var reader = new Utf8JsonReader(text, new JsonReaderOptions { MaxDepth = MaxDepth });
        try
        {
            while (reader.Read())
            {
                if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && reader.ValueIsEscaped)
                {
                    _ = reader.GetString();
                }
            }

            return true;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            return false;
        }
    }
}
