using System.Text;

namespace Relay.Fuzz.Tests.Fuzzing;

/// <summary>Writes a request's bytes, well framed unless it is broken afterwards.</summary>
internal static class RequestText
{
    private static readonly string[] Names =
    [
        "Content-Type", "Accept", "Prefer", "Idempotency-Key", "webhook-id", "X-GitHub-Delivery", "X-Shopify-Webhook-Id", "X-Forwarded-For", "X-Forwarded-Proto", "Forwarded", "Cookie", "Range",
        "If-None-Match", "Last-Event-ID", "traceparent", "Origin", "WebHook-Request-Origin", "X-Request-Id", "X-Admin-Key", "Authorization", "Accept-Encoding", "Content-Encoding", "TE", "Date",
    ];

    /// <summary>With some headers more, of other names than those that are given.</summary>
    public static byte[] Write(
        Random random, Hostile hostile, string method, string target, IReadOnlyList<(string Name, string Value)> headers, byte[] body, bool withCredentials = true)
    {
        var head = new StringBuilder($"{method} {target} HTTP/1.1\r\nHost: relay.test\r\n");
        foreach (var (name, value) in headers)
        {
            head.Append(name).Append(": ").Append(value).Append("\r\n");
        }

        for (var i = random.Next(4); i > 0; i--)
        {
            var name = hostile.Any(Names);
            if (!headers.Any(header => header.Name.Equals(name, StringComparison.OrdinalIgnoreCase)) && (withCredentials || name is not ("Authorization" or "X-Admin-Key")))
            {
                head.Append(name).Append(": ").Append(hostile.HeaderValue()).Append("\r\n");
            }
        }

        byte[] framed = [.. Encoding.Latin1.GetBytes(head.Append($"Content-Length: {body.Length}\r\n\r\n").ToString()), .. body];
        return hostile.Chance(10) && body.Length > 0 ? Chunked(random, head.ToString(), body) : framed;
    }

    /// <summary>Marks a request whose bytes were broken, as its answer may never come.</summary>
    public static byte[] Break(Hostile hostile, byte[] request)
    {
        var line = request.AsSpan().IndexOf("\r\n"u8) + 2;
        var broken = hostile.Broken(hostile.Chance(50) ? hostile.Broken(request[line..]) : request[line..]);
        return [.. hostile.Chance(10) ? hostile.Broken(request[..(line - 2)]) : request[..(line - 2)], .. "\r\nX-Broken: 1\r\n"u8, .. broken];
    }

    private static byte[] Chunked(Random random, string head, byte[] body)
    {
        var start = head.IndexOf("Content-Length: ", head.LastIndexOf("\r\nContent-Length: ", StringComparison.Ordinal), StringComparison.Ordinal);
        using var written = new MemoryStream();
        written.Write(Encoding.Latin1.GetBytes(head[..start] + "Transfer-Encoding: chunked\r\n\r\n"));
        foreach (var chunk in body.Chunk(random.Next(1, 2000)))
        {
            written.Write(Encoding.ASCII.GetBytes($"{chunk.Length:x}\r\n"));
            written.Write(chunk);
            written.Write("\r\n"u8);
        }

        written.Write("0\r\n\r\n"u8);
        return written.ToArray();
    }
}
