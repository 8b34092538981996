using System.Buffers;
using System.Text;
using System.Text.Json.Serialization;
using Relay.Protocol;

namespace Relay.Server.Delivery;

/// <summary>What an agent answers a waiting sender: an HTTP response that was checked.</summary>
internal sealed record AgentReply(int Status, IReadOnlyList<KeyValuePair<string, string>> Headers, byte[] Body)
{
    private const int MaxHeaders = 64;
    private const int MaxHeaderBytes = 8 << 10;

    private static readonly SearchValues<char> TokenCharacters = SearchValues.Create("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    /// <summary>Those that describe the content, and the agent's own (x-…). Others are the relay's to set, or concern its origin.</summary>
    private static readonly HashSet<string> Allowed = new(StringComparer.OrdinalIgnoreCase)
    {
        "content-type", "content-language", "content-disposition", "content-encoding", "cache-control", "etag", "expires", "last-modified", "link",
        "location", "retry-after", "vary",
    };

    [JsonIgnore]
    public long SizeBytes => Body.Length + Headers.Sum(static header => header.Key.Length + header.Value.Length);

    /// <returns>Null, and the fault, for a reply that cannot be an answer.</returns>
    public static AgentReply? From(ReplyMessage message, out string? fault)
    {
        var status = message.Status ?? StatusCodes.Status200OK;
        var body = message.BodyBase64 ?? Encoding.UTF8.GetBytes(message.Body ?? "");
        fault = status is < 200 or > 599 ? "The status of a reply is from 200 to 599."
            : message is { Body: not null, BodyBase64: not null } ? "A reply has a body or a body_base64, not both."
            : body.Length > ReplyMessage.MaxBodyBytes ? $"The body of a reply has at most {ReplyMessage.MaxBodyBytes} bytes."
            : null;
        if (fault is not null)
        {
            return null;
        }

        List<KeyValuePair<string, string>> headers = [.. (message.Headers ?? new Dictionary<string, string>()).Where(IsAllowed).Take(MaxHeaders)];
        if (body.Length > 0 && !headers.Exists(static header => header.Key.Equals("content-type", StringComparison.OrdinalIgnoreCase)))
        {
            headers.Add(KeyValuePair.Create("content-type", message.Body is not null ? "text/plain; charset=utf-8" : "application/octet-stream"));
        }

        return new AgentReply(status, headers, body);
    }

    private static bool IsAllowed(KeyValuePair<string, string> header) =>
        (Allowed.Contains(header.Key) || (header.Key.StartsWith("x-", StringComparison.OrdinalIgnoreCase) && !header.Key.StartsWith("x-content-type", StringComparison.OrdinalIgnoreCase)))
        && !header.Key.AsSpan().ContainsAnyExcept(TokenCharacters)
        && header.Value is { Length: <= MaxHeaderBytes } // Null is what JSON may hold.
        && !header.Value.AsSpan().ContainsAnyExceptInRange(' ', '~');
}

/// <summary>A reply on its way to the node on which the sender waits.</summary>
[JsonSerializable(typeof(AgentReply))]
internal sealed partial class AgentReplyJson : JsonSerializerContext;
