using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Relay.Protocol;

namespace Relay.Server.Delivery;

/// <summary>
/// Which events of an agent are to be handed out one after another: those with the same value in one place, a header or a member of the
/// JSON body.
/// </summary>
internal static class OrderingKey
{
    /// <summary>What <see cref="IsPlace"/> asks for, after the setting's name.</summary>
    public const string Rule = "must be a header's name or a JSON pointer into the body that begins with / (RFC 6901), of at most 200 characters, or null for none";

    private const int Bytes = 16;
    private const int MaxLength = 200;

    /// <summary>RFC 9110 §5.6.2.</summary>
    private static readonly SearchValues<char> HeaderCharacters =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    public static bool IsPlace(string? text) => text is { Length: >= 1 and <= MaxLength }
        && (text[0] == '/' ? IsPointer(text) : !text.AsSpan().ContainsAnyExcept(HeaderCharacters));

    /// <param name="place">As the agent has it.</param>
    /// <param name="head">The event's, see <see cref="NewEvent.Head"/>.</param>
    /// <param name="body">The event's.</param>
    /// <returns>The value hashed to 16 bytes, with its place so that values of two places never meet; null when there is none.</returns>
    public static byte[]? Find(string place, ReadOnlyMemory<byte> head, ReadOnlyMemory<byte> body)
    {
        var value = place[0] == '/' ? InBody(place, body) : InHeaders(place, head);
        return value is null ? null : SHA256.HashData(Encoding.UTF8.GetBytes($"{place}:{value}")).AsSpan(0, Bytes).ToArray();
    }

    private static string? InHeaders(string name, ReadOnlyMemory<byte> head)
    {
        using var json = JsonDocument.Parse(head);
        return json.RootElement.GetProperty("headers"u8).TryGetProperty(name.ToLowerInvariant(), out var value) ? value.GetString() : null;
    }

    private static string? InBody(string pointer, ReadOnlyMemory<byte> body)
    {
        if (!CanonicalJson.IsJson(body.Span))
        {
            return null;
        }

        try
        {
            using var json = JsonDocument.Parse(body, new JsonDocumentOptions { MaxDepth = CanonicalJson.MaxDepth });
            var found = json.RootElement;
            foreach (var token in pointer.Split('/').Skip(1))
            {
                if (Step(found, token.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal)) is not { } next)
                {
                    return null;
                }

                found = next;
            }

            return found.ValueKind switch
            {
                JsonValueKind.Null => null,
                JsonValueKind.String => found.GetString(),
                _ => found.GetRawText(),
            };
        }
        catch (InvalidOperationException)
        {
            // Escapes that stand for half a character are JSON, but no text.
            return null;
        }
    }

    private static JsonElement? Step(JsonElement from, string token)
    {
        switch (from.ValueKind)
        {
            case JsonValueKind.Object:
                return from.TryGetProperty(token, out var member) ? member : null;
            case JsonValueKind.Array:
                return int.TryParse(token, NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index < from.GetArrayLength() ? from[index] : null;
            default:
                return null;
        }
    }

    private static bool IsPointer(string text)
    {
        for (var i = text.IndexOf('~', StringComparison.Ordinal); i >= 0; i = text.IndexOf('~', i + 1))
        {
            if (i + 1 == text.Length || text[i + 1] is not ('0' or '1'))
            {
                return false;
            }
        }

        return true;
    }
}
