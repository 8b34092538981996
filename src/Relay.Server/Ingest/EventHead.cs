using System.Text.Json;
using Microsoft.Net.Http.Headers;
using Relay.Protocol;
using Relay.Server.Http;

namespace Relay.Server.Ingest;

/// <summary>
/// What is kept of a webhook beside its body, in the very form in which it stands in the <c>webhook</c> frame:
/// <c>{"method":"POST","path":"/","query":"","headers":{"content-type":"application/json"},"source":{"type":"github","verified":true}}</c>.
/// </summary>
internal static class EventHead
{
    /// <summary>In characters; a longer one costs an array.</summary>
    private const int UsualName = 128;

    /// <summary>Not passed on: hop-by-hop headers (RFC 9110 §7.6.1), and what is between the sender and the relay.</summary>
    private static readonly HashSet<string> Withheld = new(StringComparer.OrdinalIgnoreCase)
    {
        HeaderNames.Connection, HeaderNames.KeepAlive, HeaderNames.ProxyAuthenticate, HeaderNames.ProxyAuthorization, HeaderNames.ProxyConnection,
        HeaderNames.TE, HeaderNames.Trailer, HeaderNames.TransferEncoding, HeaderNames.Upgrade,
        HeaderNames.Host, HeaderNames.Authorization, HeaderNames.Cookie, HeaderNames.SetCookie,
    };

    /// <param name="request">Whose head it is.</param>
    /// <param name="agent">Whose relay id the request's target has.</param>
    /// <param name="verifiedSource">The provider whose signature was checked and right; null: nothing was checked.</param>
    public static byte[] Write(HttpRequest request, RelayId agent, string? verifiedSource)
    {
        var target = WebhookTarget.Of(request, agent);
        using var buffer = JsonBuffer.Rent();
        var json = buffer.Json;
        json.WriteStartObject();
        json.WriteString("method"u8, request.Method);
        json.WriteString("path"u8, target.Path);
        json.WriteString("query"u8, target.Query);
        json.WriteStartObject("headers"u8);
        WriteHeaders(json, request.Headers);
        json.WriteEndObject();
        if (verifiedSource is not null)
        {
            json.WriteStartObject("source"u8);
            json.WriteString("type"u8, verifiedSource);
            json.WriteBoolean("verified"u8, true);
            json.WriteEndObject();
        }

        json.WriteEndObject();
        return buffer.Written.ToArray();
    }

    private static void WriteHeaders(Utf8JsonWriter json, IHeaderDictionary headers)
    {
        var nominated = headers.Connection.ToString();
        Span<char> lower = stackalloc char[UsualName];
        foreach (var (name, values) in headers)
        {
            if (!Withheld.Contains(name) && !IsNominated(nominated, name))
            {
                lower = name.Length <= lower.Length ? lower : new char[name.Length];
                json.WriteString(lower[..name.AsSpan().ToLowerInvariant(lower)], HeaderText.Decode(values is [{ } only] ? only : string.Join(", ", values.ToArray())));
            }
        }
    }

    /// <summary>Whether the Connection header names this one as hop-by-hop.</summary>
    private static bool IsNominated(string nominated, string name)
    {
        foreach (var range in nominated.AsSpan().Split(','))
        {
            if (nominated.AsSpan(range).Trim().Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                return true;
            }
        }

        return false;
    }
}
