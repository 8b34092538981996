using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.Extensions.Primitives;

namespace Relay.Server.Http;

/// <summary>
/// Takes address and scheme of the one who asked from what trusted proxies say of it, from the last hop back to the first that is not
/// trusted. The headers stay as they came: they are delivered with the webhook.
/// </summary>
internal static class ProxiedRequests
{
    public static void UseProxiedRequests(this WebApplication app)
    {
        var proxies = app.Services.GetRequiredService<TrustedProxies>();
        if (!proxies.Any)
        {
            return;
        }

        var options = new ForwardedHeadersOptions { ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto, ForwardLimit = null };
        options.KnownProxies.Clear();
        options.KnownIPNetworks.Clear();
        foreach (var network in proxies.Networks)
        {
            options.KnownIPNetworks.Add(network);
        }

        string[] names =
        [
            options.ForwardedForHeaderName, options.ForwardedProtoHeaderName, options.OriginalForHeaderName, options.OriginalProtoHeaderName,
        ];
        app.Use(next => async context =>
        {
            context.Features.Set(new AsItCame([.. names.Select(name => context.Request.Headers[name])]));
            await next(context);
        });
        app.UseForwardedHeaders(options);
        app.Use(next => async context =>
        {
            foreach (var (name, value) in names.Zip(context.Features.Get<AsItCame>()!.Values))
            {
                context.Request.Headers[name] = value;
            }

            await next(context);
        });
    }

    private sealed record AsItCame(StringValues[] Values);
}
