using Microsoft.AspNetCore.Http.Features;
using Relay.Protocol;

namespace Relay.Server.Ingest;

/// <summary>What follows the relay id in a request's target, as it came: percent-encoding is not touched, because senders sign it.</summary>
/// <param name="Rest">Path and query, the question mark included; empty if nothing follows.</param>
internal readonly record struct WebhookTarget(string Rest)
{
    /// <summary><c>/</c> if there is none.</summary>
    public string Path => Question switch { 0 => "/", > 0 and var end => Rest[..end], _ => Rest.Length == 0 ? "/" : Rest };

    /// <summary>Without its question mark.</summary>
    public string Query => Question < 0 ? "" : Rest[(Question + 1)..];

    private int Question => Rest.IndexOf('?', StringComparison.Ordinal);

    /// <param name="request">Whose target it is.</param>
    /// <param name="agent">Whose relay id is looked for: the absolute form of RFC 9112 §3.2.2 begins with scheme and host, and any letter may be percent-encoded.</param>
    public static WebhookTarget Of(HttpRequest request, RelayId agent)
    {
        var target = request.HttpContext.Features.Get<IHttpRequestFeature>()?.RawTarget;
        if (string.IsNullOrEmpty(target))
        {
            target = request.PathBase + request.Path + request.QueryString.Value;
        }

        var question = target.IndexOf('?', StringComparison.Ordinal);
        var path = question < 0 ? target : target[..question];
        foreach (var range in path.AsSpan().Split('/'))
        {
            var segment = path.AsSpan(range);
            if (segment.SequenceEqual(agent.Value) || (segment.Contains('%') && Uri.UnescapeDataString(segment) == agent.Value))
            {
                return new WebhookTarget(target[range.End..]);
            }
        }

        return new WebhookTarget(target[path.Length..]);
    }
}
