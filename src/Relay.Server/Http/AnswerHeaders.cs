using System.Buffers;

namespace Relay.Server.Http;

/// <summary>
/// What every answer carries: <c>X-Request-Id</c>, which the log and an error's <c>request_id</c> have too, and what tells browsers to do nothing
/// with it but show it. Nothing is allowed to other origins (CORS): no header says so.
/// </summary>
internal static class AnswerHeaders
{
    public const string RequestId = "X-Request-Id";

    private const int MaxRequestIdLength = 64;
    private const string NothingElse = "default-src 'none'; frame-ancestors 'none'";

    /// <summary>Swagger's page has its scripts beside it, and styles and a bit of script within it.</summary>
    private const string OwnPage = "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

    private static readonly SearchValues<char> RequestIdCharacters = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:");

    /// <summary>First of all: also what fails later has its headers.</summary>
    public static void UseAnswerHeaders(this WebApplication app)
    {
        var proxies = app.Services.GetRequiredService<TrustedProxies>();
        app.Use(next => context =>
        {
            if (proxies.Contains(context.Connection.RemoteIpAddress)
                && context.Request.Headers[RequestId] is [{ Length: > 0 and <= MaxRequestIdLength } given]
                && !given.AsSpan().ContainsAnyExcept(RequestIdCharacters))
            {
                context.TraceIdentifier = given;
            }

            // As late as can be: an error's answer begins by clearing what others have set.
            context.Response.OnStarting(static state => Add((HttpContext)state), context);
            return next(context);
        });
    }

    private static Task Add(HttpContext context)
    {
        var headers = context.Response.Headers;
        headers[RequestId] = context.TraceIdentifier;
        if (context.Response.StatusCode == StatusCodes.Status101SwitchingProtocols)
        {
            // Nothing that a browser shows, and its headers live as long as the connection.
            return Task.CompletedTask;
        }

        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        if (headers.ContentSecurityPolicy.Count == 0)
        {
            headers.ContentSecurityPolicy = context.Request.Path.StartsWithSegments("/swagger") ? OwnPage : NothingElse;
        }

        if (context.Request.IsHttps && !IsThisMachine(context.Request.Host.Host))
        {
            headers.StrictTransportSecurity = "max-age=31536000";
        }

        return Task.CompletedTask;
    }

    /// <summary>A browser would refuse every other server on it that has no TLS.</summary>
    private static bool IsThisMachine(string host) => host is "localhost" or "127.0.0.1" or "[::1]";
}
