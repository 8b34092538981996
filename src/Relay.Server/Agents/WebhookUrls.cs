using Microsoft.Extensions.Options;
using Relay.Protocol;

namespace Relay.Server.Agents;

/// <summary>Where senders post: <c>Relay:PublicUrl</c>, or else the scheme and host by which the request came.</summary>
internal sealed class WebhookUrls(IOptions<RelayOptions> options)
{
    public string For(RelayId id, HttpRequest request)
    {
        var root = options.Value.PublicUrl is { Length: > 0 } url ? url.TrimEnd('/') : $"{HttpScheme(request.Scheme)}://{request.Host}{request.PathBase}";
        return $"{root}/api/v1/webhook/{id}";

        static string HttpScheme(string scheme) => scheme switch { "ws" => "http", "wss" => "https", _ => scheme };
    }
}
