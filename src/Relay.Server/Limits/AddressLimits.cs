using System.Globalization;
using Microsoft.Extensions.Options;
using Relay.Protocol;
using Relay.Server.Http;

namespace Relay.Server.Limits;

/// <summary>Holds each address to its requests a minute, whatever they ask for. Counted on this node.</summary>
internal static class AddressLimits
{
    public static void UseAddressLimits(this WebApplication app)
    {
        var perMinute = app.Services.GetRequiredService<IOptions<RateLimitOptions>>().Value.RequestsPerMinutePerAddress;
        if (perMinute == 0)
        {
            return;
        }

        var addresses = new RateTable<ClientAddress>(perMinute, app.Services.GetRequiredService<TimeProvider>());
        var limit = perMinute.ToString(CultureInfo.InvariantCulture);
        app.Use(next => context =>
        {
            var permit = addresses.Take(ClientAddress.Of(context.Connection.RemoteIpAddress));
            if (permit.IsGranted)
            {
                return next(context);
            }

            permit.Tell(context.Response.Headers, perMinute, limit);
            var refusal = new ErrorResult(
                StatusCodes.Status429TooManyRequests,
                ErrorCodes.RateLimitExceeded,
                $"This address has made more than {perMinute} requests in a minute. Send this one again after Retry-After seconds.")
            {
                RetryAfter = permit.Wait,
            };
            return refusal.ExecuteAsync(context);
        });
    }
}
