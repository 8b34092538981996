using Microsoft.Extensions.Primitives;
using Relay.Protocol;
using Relay.Server.Agents;
using Relay.Server.Http;

namespace Relay.Server.Limits;

/// <summary>The keys that a request carries, for whom checks them to tell what came of it.</summary>
internal sealed record PresentedKeys(AuthenticationGuard.PresentedKey? Admin, AuthenticationGuard.PresentedKey? Agent);

/// <summary>Refuses requests with keys while too many wrong ones came, see <see cref="AuthenticationGuard"/>.</summary>
internal static class AuthenticationLimits
{
    private static readonly PathString Webhooks = "/api/v1/webhook";

    public static void UseAuthenticationLimits(this WebApplication app)
    {
        var guard = app.Services.GetRequiredService<AuthenticationGuard>();
        app.Use(next => context =>
        {
            var (admin, agent) = (context.Request.Headers[Access.AdminHeader], context.Request.Headers.Authorization);

            // Senders' credentials are not ours to judge.
            return (admin.Count == 0 && agent.Count == 0) || context.Request.Path.StartsWithSegments(Webhooks)
                ? next(context)
                : LimitAsync(guard, context, admin, agent, next);
        });
    }

    private static async Task LimitAsync(AuthenticationGuard guard, HttpContext context, StringValues admin, StringValues agent, RequestDelegate next)
    {
        var address = ClientAddress.Of(context.Connection.RemoteIpAddress);
        var keys = new PresentedKeys(Present(admin, AuthenticationGuard.Admin), Present(agent, identity: null));
        if ((await WaitAsync(keys.Admin) ?? await WaitAsync(keys.Agent)) is { } wait)
        {
            await Refusal(wait).ExecuteAsync(context);
            return;
        }

        context.Features.Set(keys);
        await next(context);

        AuthenticationGuard.PresentedKey? Present(StringValues key, string? identity) =>
            key.Count == 0 ? null : guard.Present(address, key.ToString(), identity);
    }

    private static ValueTask<TimeSpan?> WaitAsync(AuthenticationGuard.PresentedKey? key) => key?.WaitAsync() ?? default;

    private static ErrorResult Refusal(TimeSpan wait) => new(
        StatusCodes.Status429TooManyRequests,
        ErrorCodes.RateLimitExceeded,
        "Too many wrong keys came from this address, or this one too often, so it was not checked. Check the key and come again after Retry-After seconds.")
    {
        RetryAfter = wait,
    };
}
