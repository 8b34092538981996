using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;
using Relay.Protocol;
using Relay.Server.Http;

namespace Relay.Server.Ingest;

/// <summary>
/// What is kept of a webhook beside its body, in the very form in which it stands in the <c>webhook</c> frame:
/// <c>{"method":"POST","path":"/","query":"","headers":{"content-type":"application/json"}}</c>.
/// </summary>
internal static class EventHead
{
    private static readonly JsonWriterOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    /// <summary>Not passed on: hop-by-hop headers (RFC 9110 §7.6.1), and what is between the sender and the relay.</summary>
    private static readonly HashSet<string> Withheld = new(StringComparer.OrdinalIgnoreCase)
    {
        HeaderNames.Connection, HeaderNames.KeepAlive, HeaderNames.ProxyAuthenticate, HeaderNames.ProxyAuthorization, HeaderNames.ProxyConnection,
        HeaderNames.TE, HeaderNames.Trailer, HeaderNames.TransferEncoding, HeaderNames.Upgrade,
        HeaderNames.Host, HeaderNames.Authorization, HeaderNames.Cookie, HeaderNames.SetCookie,
    };

    public static byte[] Write(HttpRequest request, RelayId agent)
    {
        var (path, query) = SplitTarget(request, agent);
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(buffer, Json))
        {
            json.WriteStartObject();
            json.WriteString("method"u8, request.Method);
            json.WriteString("path"u8, path);
            json.WriteString("query"u8, query);
            json.WriteStartObject("headers"u8);
            var nominated = request.Headers.Connection.ToString();
            foreach (var (name, values) in request.Headers)
            {
                if (!Withheld.Contains(name) && !IsNominated(nominated, name))
                {
                    json.WriteString(name.ToLowerInvariant(), HeaderText.Decode(string.Join(", ", values.ToArray())));
                }
            }

            json.WriteEndObject();
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>
    /// What follows the relay id in the request's target, and the query without its question mark, both as they came: percent-encoding
    /// is not touched, because senders sign it.
    /// </summary>
    private static (string Path, string Query) SplitTarget(HttpRequest request, RelayId agent)
    {
        var target = request.HttpContext.Features.Get<IHttpRequestFeature>()?.RawTarget;
        if (string.IsNullOrEmpty(target))
        {
            target = request.GetEncodedTarget();
        }

        var question = target.IndexOf('?', StringComparison.Ordinal);
        var (path, query) = question < 0 ? (target, "") : (target[..question], target[(question + 1)..]);

        return (AfterRelayId(path, agent), query);
    }

    /// <summary>The relay id is looked for: the absolute form of RFC 9112 §3.2.2 begins with scheme and host, and any letter may be percent-encoded.</summary>
    private static string AfterRelayId(string path, RelayId agent)
    {
        foreach (var range in path.AsSpan().Split('/'))
        {
            var segment = path.AsSpan(range);
            if (segment.SequenceEqual(agent.Value) || (segment.Contains('%') && Uri.UnescapeDataString(segment) == agent.Value))
            {
                return range.End.Value < path.Length ? path[range.End..] : "/";
            }
        }

        return "/";
    }

    private static string GetEncodedTarget(this HttpRequest request) => request.PathBase + request.Path + request.QueryString.Value;

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
