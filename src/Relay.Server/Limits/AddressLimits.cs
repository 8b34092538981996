using System.Globalization;
using Microsoft.AspNetCore.RateLimiting;
using Microsoft.Extensions.Options;
using Relay.Protocol;
using Relay.Server.Http;
using Relay.Server.Storage;

namespace Relay.Server.Limits;

/// <summary>
/// Holds each address to its requests a minute, whatever they ask for but whether the server is well: on all nodes together if they share a store. While the store is away
/// each node counts for itself, and also for more addresses than anybody has whom it serves, so that the store's memory is bounded too.
/// Any thread.
/// </summary>
internal sealed class AddressLimits(IOptions<RateLimitOptions> options, TimeProvider time, SharedRateLimiter? shared = null)
{
    private const int MostNewPerMinute = 100_000;

    private readonly string _limit = options.Value.RequestsPerMinutePerAddress.ToString(CultureInfo.InvariantCulture);
    private readonly RateTable<ClientAddress> _own = new(Math.Max(1, options.Value.RequestsPerMinutePerAddress), time);
    private readonly RateTable<bool> _newOnes = new(MostNewPerMinute, time);

    /// <summary>0: any number.</summary>
    public int PerMinute => options.Value.RequestsPerMinutePerAddress;

    public ValueTask<Permit> TakeAsync(ClientAddress address)
    {
        var key = LimitKey.From(address);
        return shared is not null && (shared.Knows(key) || _newOnes.Take(true).IsGranted) ? TakeSharedAsync(shared, key, address) : new(_own.Take(address));
    }

    /// <summary>What the one who asked too often gets.</summary>
    public ErrorResult Refuse(Permit permit, HttpResponse response)
    {
        permit.Tell(response.Headers, PerMinute, _limit);
        return new ErrorResult(
            StatusCodes.Status429TooManyRequests,
            ErrorCodes.RateLimitExceeded,
            $"This address has made more than {PerMinute} requests in a minute. Send this one again after Retry-After seconds.")
        {
            RetryAfter = permit.Wait,
        };
    }

    private async ValueTask<Permit> TakeSharedAsync(SharedRateLimiter limiter, LimitKey key, ClientAddress address)
    {
        try
        {
            return await limiter.TakeAsync(key, PerMinute);
        }
        catch (StoreUnavailableException)
        {
            return _own.Take(address);
        }
    }
}

internal static class AddressLimitMiddleware
{
    /// <summary>For all endpoints but those with <see cref="DisableRateLimitingAttribute"/>.</summary>
    public static void UseAddressLimits(this WebApplication app)
    {
        var limits = app.Services.GetRequiredService<AddressLimits>();
        if (limits.PerMinute == 0)
        {
            return;
        }

        app.Use(next =>
        {
            return context =>
            {
                if (context.GetEndpoint()?.Metadata.GetMetadata<DisableRateLimitingAttribute>() is not null)
                {
                    return next(context);
                }

                var permit = limits.TakeAsync(ClientAddress.Of(context.Connection.RemoteIpAddress));
                if (permit.IsCompletedSuccessfully)
                {
                    return GoOn(context, permit.Result);
                }

                return WaitAsync(context, permit);
            };

            Task GoOn(HttpContext context, Permit permit) =>
                permit.IsGranted ? next(context) : limits.Refuse(permit, context.Response).ExecuteAsync(context);

            async Task WaitAsync(HttpContext context, ValueTask<Permit> permit) => await GoOn(context, await permit);
        });
    }
}
